import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PacketCounts } from '../../src/observation/packet-counts.ts'
import { SILENT } from '../lifecycle/world.ts'

function setUp() {
  const kernel = { counts: new Map<string, number>(), cost: 0, readings: 0 }
  const clock = { now: 0 }
  const noted: (readonly (readonly [string, number])[])[] = []
  const packets = new PacketCounts({
    lifecycle: {
      packetsFrom: async () => {
        kernel.readings++
        clock.now += kernel.cost
        return new Map(kernel.counts)
      },
    },
    history: { recordPackets: counts => void noted.push([...counts]) },
    log: SILENT,
    now: () => clock.now,
  })
  const count = async (...counts: [string, number][]) => {
    kernel.counts = new Map(counts)
    clock.now += 60_000
    await packets.count(counts.map(([id]) => id))
  }
  return { kernel, clock, noted, count }
}

test('what is noted is what came since the last reading; of a tunnel that is seen first, nothing', async () => {
  const { noted, count } = setUp()
  await count(['a', 100])
  await count(['a', 130], ['b', 5])
  await count(['a', 130], ['b', 6])
  assert.deepEqual(noted, [
    [['a', 30]],
    [
      ['a', 0],
      ['b', 1],
    ],
  ])
})

test('a counter that began anew counts from nothing', async () => {
  const { noted, count } = setUp()
  await count(['a', 100])
  await count(['a', 7])
  assert.deepEqual(noted, [[['a', 7]]])
})

test('after half an hour without a reading the next one is a beginning', async () => {
  const { clock, noted, count } = setUp()
  await count(['a', 100])
  clock.now += 1_800_000
  await count(['a', 200])
  assert.deepEqual(noted, [])
})

test('a reading that takes long makes the next ones rare', async () => {
  const { kernel, count } = setUp()
  kernel.cost = 20_000
  for (let round = 0; round < 14; round++) await count(['a', round])
  assert.equal(kernel.readings, 2, 'twenty seconds each: one in four hundred')
})
