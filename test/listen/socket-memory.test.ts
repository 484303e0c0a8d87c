import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POLLFD_WORDS } from '../../src/listen/udp/poll-set.ts'
import {
  addressAt,
  endpointOf,
  IPV4_ADDRESS_LENGTH,
  IPV6_ADDRESS_LENGTH,
  socketAddress,
} from '../../src/listen/udp/socket-address.ts'
import { HEAD_LENGTH, IOVEC, MMSGHDR, PART_LENGTH } from '../../src/listen/udp/socket-memory.ts'
import { noBatches } from './batch-listener.ts'

const koffi = noBatches === false ? (await import('koffi')).default : undefined

test('heads, parts and addresses are laid out as the C compiler lays them out', { skip: noBatches }, () => {
  assert.ok(koffi)
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' })
  const msghdr = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    parts: 'void *',
    partCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  })
  const mmsghdr = koffi.struct({ head: msghdr, received: 'unsigned int' })
  const word = (type: typeof iovec, field: string) => (koffi?.offsetof(type, field) ?? 0) / 4
  assert.equal(koffi.sizeof(mmsghdr), HEAD_LENGTH)
  assert.equal(koffi.sizeof(iovec), PART_LENGTH)
  assert.deepEqual({ base: word(iovec, 'base'), length: word(iovec, 'length') }, IOVEC)
  assert.deepEqual(
    {
      name: word(msghdr, 'name'),
      nameLength: word(msghdr, 'nameLength'),
      parts: word(msghdr, 'parts'),
      partCount: word(msghdr, 'partCount'),
      control: word(msghdr, 'control'),
      controlLength: word(msghdr, 'controlLength'),
      received: word(mmsghdr, 'received'),
    },
    MMSGHDR,
  )
  const pollfd = koffi.struct({ fd: 'int', events: 'short', revents: 'short' })
  assert.equal(koffi.sizeof(pollfd), POLLFD_WORDS * 4)
})

test('socket addresses are laid out as the C compiler lays them out', { skip: noBatches }, () => {
  assert.ok(koffi)
  const four = koffi.struct({
    family: 'uint16_t',
    port: 'uint16_t',
    address: koffi.array('uint8_t', 4),
    zero: koffi.array('uint8_t', 8),
  })
  const six = koffi.struct({
    family: 'uint16_t',
    port: 'uint16_t',
    flow: 'uint32_t',
    address: koffi.array('uint8_t', 16),
    scope: 'uint32_t',
  })
  assert.equal(koffi.sizeof(four), IPV4_ADDRESS_LENGTH)
  assert.equal(koffi.sizeof(six), IPV6_ADDRESS_LENGTH)
  assert.equal(koffi.offsetof(four, 'address'), addressAt(4))
  assert.equal(koffi.offsetof(six, 'address'), addressAt(6))
})

for (const endpoint of [
  { address: '192.0.2.53', port: 53 },
  { address: '2001:db8::53', port: 65_535 },
  { address: '::', port: 0 },
]) {
  test(`${endpoint.address} port ${endpoint.port} is read as it was written`, () => {
    assert.deepEqual(endpointOf(socketAddress(endpoint)), endpoint)
  })
}

test('what is no address is refused', () => {
  assert.throws(() => socketAddress({ address: 'localhost', port: 53 }), RangeError)
})
