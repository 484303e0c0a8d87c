import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TrafficCounts } from '../../src/observation/traffic-counts.ts'
import type { Octets } from '../../src/tunnel/interface.ts'
import { SILENT } from '../lifecycle/world.ts'

function setUp() {
  const kernel = { counts: new Map<string, Octets>(), cost: 0, readings: 0 }
  const clock = { now: 0 }
  const noted: (readonly (readonly [string, Octets])[])[] = []
  const traffic = new TrafficCounts({
    lifecycle: {
      octetsOf: async () => {
        kernel.readings++
        clock.now += kernel.cost
        return new Map(kernel.counts)
      },
    },
    history: { recordOctets: counts => void noted.push([...counts]) },
    log: SILENT,
    now: () => clock.now,
  })
  const count = async (...counts: [string, Octets][]) => {
    kernel.counts = new Map(counts)
    clock.now += 60_000
    await traffic.count(counts.map(([id]) => id))
  }
  return { kernel, clock, noted, traffic, count }
}

/** What has come from a tunnel, and twice as much to it. */
const octets = (received: number): Octets => ({ received, sent: 2 * received })

test('what is noted is what came since the last reading; of a tunnel that is seen first, nothing', async () => {
  const { noted, count } = setUp()
  await count(['a', octets(100)])
  await count(['a', octets(130)], ['b', octets(5)])
  await count(['a', octets(130)], ['b', octets(6)])
  assert.deepEqual(noted, [
    [['a', octets(30)]],
    [
      ['a', octets(0)],
      ['b', octets(1)],
    ],
  ])
})

test('a counter that began anew counts from nothing, each direction by itself', async () => {
  const { noted, count, traffic } = setUp()
  await count(['a', { received: 100, sent: 100 }])
  await count(['a', { received: 7, sent: 150 }])
  assert.deepEqual(noted, [[['a', { received: 7, sent: 50 }]]])
  assert.deepEqual(traffic.of('a'), { received: 107, sent: 150 })
  assert.deepEqual(traffic.total, { received: 7, sent: 50 })
})

test('whatever the kernel says, nothing is ever negative, and no sum shrinks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), async readings => {
      const { noted, count, traffic } = setUp()
      let before = 0
      for (const reading of readings) {
        await count(['a', octets(reading)])
        const sum = traffic.of('a')?.received ?? assert.fail('counted')
        assert.ok(sum >= before)
        before = sum
      }
      for (const [, { received, sent }] of noted.flat()) assert.ok(received >= 0 && sent >= 0)
    }),
  )
})

test('a tunnel that was not read for a while keeps its sum, and one that is gone is forgotten in the end', async () => {
  const { clock, count, traffic } = setUp()
  await count(['a', octets(10)])
  await count()
  await count(['a', octets(25)])
  assert.deepEqual(traffic.of('a'), octets(25))
  clock.now += 86_400_001
  await count(['b', octets(1)])
  assert.equal(traffic.of('a'), undefined)
  assert.deepEqual(traffic.of('b'), octets(1))
})

test('of thousands nothing is lost by a look that failed, nor by one that few tunnels are in', async () => {
  const { count, traffic } = setUp()
  const all = (n: number) => Array.from({ length: 5000 }, (_, at): [string, Octets] => [`n${at}`, octets(n)])
  await count(...all(10))
  await count()
  await count(['n1', octets(15)])
  await count(...all(20))
  assert.deepEqual(traffic.total, octets(50_000))
  assert.deepEqual(traffic.of('n2'), octets(20))
})

test('after half an hour without a reading the next one is no part of the history, but of the sum', async () => {
  const { clock, noted, count, traffic } = setUp()
  await count(['a', octets(100)])
  clock.now += 1_800_000
  await count(['a', octets(200)])
  assert.deepEqual(noted, [])
  assert.deepEqual(traffic.of('a'), octets(200))
})

test('a reading that takes long makes the next ones rare', async () => {
  const { kernel, count } = setUp()
  kernel.cost = 20_000
  for (let round = 0; round < 14; round++) await count(['a', octets(round)])
  assert.equal(kernel.readings, 2, 'twenty seconds each: one in four hundred')
})
