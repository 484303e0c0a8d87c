import assert from 'node:assert/strict'
import { test } from 'node:test'
import { message, Netlink } from '../../src/kernel/netlink.ts'

const HEAD = 16
const TYPE = { link: 16, done: 3, getLink: 18 } as const
const INTERRUPTED = 0x10

/** A message of this type that says it has this length, with four octets of zeros. */
function received(type: number, { flags = 0, length = HEAD + 4 } = {}): Buffer {
  const octets = Buffer.alloc(HEAD + 4)
  octets.writeUInt32LE(length, 0)
  octets.writeUInt16LE(type, 4)
  octets.writeUInt16LE(flags, 6)
  return octets
}

/** The fault of a listing that the kernel answers with these messages, each by itself. */
function faultOf(...replies: readonly Buffer[]) {
  const left = [...replies]
  const netlink = new Netlink({
    socket: () => 9,
    setOption: () => 0,
    send: (_fd, _octets, length) => length,
    receive: (_fd, octets) => left.shift()?.copy(octets) ?? 0,
    close: () => 0,
    indexOf: () => 0,
    lastError: () => 'EIO',
    nameOf: errno => (errno === 90 ? 'EMSGSIZE' : `E${errno}`),
  })
  return netlink.dump(0, message(TYPE.getLink, 0x301, { own: Buffer.alloc(16) }), () => undefined)
}

test('a listing that ends well has no fault', async () => {
  assert.equal(await faultOf(received(TYPE.link), received(TYPE.done)), undefined)
})

test('a listing that was changed meanwhile is not whole, whichever message says so', async () => {
  const flags = INTERRUPTED
  assert.equal(await faultOf(received(TYPE.link, { flags }), received(TYPE.done)), 'EINTR')
  assert.equal(await faultOf(received(TYPE.link), received(TYPE.done, { flags })), 'EINTR')
})

test('nor is one with a message that is cut off', async () => {
  assert.equal(await faultOf(received(TYPE.link, { length: 4000 })), 'EMSGSIZE')
  assert.equal(await faultOf(received(TYPE.link, { length: 4 })), 'EMSGSIZE')
})
