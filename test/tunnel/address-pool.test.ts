import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIpv6, parseIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { AddressPool, type Assignment } from '../../src/tunnel/address-pool.ts'
import { FreeIndex } from '../../src/tunnel/free-index.ts'

function poolOf(text: string): AddressPool {
  const prefix = parsePrefix(text)
  assert.ok(prefix)
  return new AddressPool({ prefix, devicePrefix: 'fn6-' })
}

function textOf({ ipv6Server, ipv6Client, device }: Assignment) {
  return { ipv6Server: formatIpv6(ipv6Server), ipv6Client: formatIpv6(ipv6Client), device }
}

test('an index is one /64 with ::1 for the server and ::2 for the client', () => {
  const pool = poolOf('2001:db8:f6::/48')
  assert.deepEqual(textOf(pool.assignment(0)), {
    ipv6Server: '2001:db8:f6::1',
    ipv6Client: '2001:db8:f6::2',
    device: 'fn6-0',
  })
  assert.deepEqual(textOf(pool.assignment(0xabcd)), {
    ipv6Server: '2001:db8:f6:abcd::1',
    ipv6Client: '2001:db8:f6:abcd::2',
    device: 'fn6-43981',
  })
})

for (const [text, last] of [
  ['2001:db8::/32', 2 ** 25 - 1],
  ['2001:db8:f000::/36', 2 ** 25 - 1],
  ['2001:db8:f6::/48', 65_535],
  ['2001:db8:f6:ff0::/60', 15],
] as const) {
  test(`every index of ${text} has an address that leads back to it`, () => {
    const pool = poolOf(text)
    assert.equal(pool.capacity, last + 1)
    for (const index of [0, 1, 7, last]) {
      const { ipv6Client, ipv6Server, device } = pool.assignment(index)
      assert.equal(pool.indexOf(ipv6Client), index)
      assert.equal(pool.indexOf(ipv6Server), index)
      assert.equal(pool.indexOfDevice(device), index)
      assert.ok(device.length <= 15)
    }
  })
}

test('addresses outside the prefix are of no index', () => {
  const pool = poolOf('2001:db8:f6::/48')
  for (const address of ['2001:db8:f7::2', '::1', '::192.0.2.1'])
    assert.equal(pool.indexOf(parseIpv6(address) ?? assert.fail()), undefined)
})

test('devices that the pool gives to nobody are of no index', () => {
  const pool = poolOf('2001:db8:f6::/60')
  for (const device of [
    '',
    'fn6-',
    'fn6-16',
    'fn6-01',
    'fn6--1',
    'fn6-1.5',
    'fn6-1e1',
    'fn6- 1',
    'tun-1',
    'fn6-x',
  ])
    assert.equal(pool.indexOfDevice(device), undefined, device)
})

test('the lowest free index is taken first', () => {
  const pool = poolOf('2001:db8:f6::/60')
  pool.occupy(1)
  assert.deepEqual([pool.take(0), pool.take(0), pool.take(0)], [0, 2, 3])
})

test('a full pool has none', () => {
  const pool = poolOf('2001:db8:f6::/60')
  for (let i = 0; i < 16; i++) assert.equal(pool.take(0), i)
  assert.equal(pool.take(0), undefined)
})

test('an index that was freed rests until its time', () => {
  const pool = poolOf('2001:db8:f6::/60')
  assert.equal(pool.take(100), 0)
  pool.rest({ index: 0, freeFrom: 190 })
  assert.equal(pool.take(189), 1)
  assert.equal(pool.take(190), 0)
})

test('one that was freed under a longer TTL keeps no other from waking', () => {
  const pool = poolOf('2001:db8:f6::/60')
  for (let index = 0; index < 4; index++) assert.equal(pool.take(100), index)
  pool.rest({ index: 0, freeFrom: 5000 })
  pool.rest({ index: 1, freeFrom: 190 })
  pool.rest({ index: 2, freeFrom: 195 })
  assert.deepEqual([pool.take(194), pool.take(195), pool.take(200)], [1, 2, 4])
  assert.equal(pool.take(5000), 0)
})

test('an index at rest when the program starts is not given out', () => {
  const pool = poolOf('2001:db8:f6::/60')
  pool.rest({ index: 0, freeFrom: 190 })
  assert.equal(pool.take(100), 1)
  assert.equal(pool.take(200), 0)
})

test('FreeIndex behaves as a sorted set of free numbers', () => {
  const command = fc.record({ release: fc.boolean(), index: fc.nat(2100) })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2100 }),
      fc.array(command, { maxLength: 200 }),
      (capacity, commands) => {
        const free = new FreeIndex(capacity)
        const model = new Set(Array.from({ length: capacity }, (_, i) => i))
        for (const { release, index } of commands) {
          if (release) {
            free.release(index)
            if (index < capacity) model.add(index)
          } else {
            const lowest = free.lowest()
            assert.equal(lowest, model.size === 0 ? undefined : Math.min(...model))
            if (lowest !== undefined) assert.equal(free.occupy(lowest), model.delete(lowest))
            assert.equal(free.occupy(index), model.delete(index))
          }
        }
        assert.equal(free.lowest(), model.size === 0 ? undefined : Math.min(...model))
      },
    ),
  )
})
