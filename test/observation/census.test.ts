import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Census } from '../../src/observation/census.ts'
import type { CountryCount, CountrySlice, Cursor, TunnelReader } from '../../src/store/tunnel-reader.ts'
import { World } from '../lifecycle/world.ts'
import { PATIENCE_MS, until } from '../until.ts'

const CANADA = { country: 'ca', new: 0, waiting: 1, active: 2, unreachable: 1 }
const FRANCE = { country: 'fr', new: 1, waiting: 0, active: 6, unreachable: 0 }

/** A table that is counted in these slices. */
function tableOf(slices: readonly (readonly CountryCount[])[], count: () => void = () => undefined) {
  return {
    countByCountry: (from: Cursor | undefined): CountrySlice => {
      const at = Number(from ?? 0)
      if (at === 0) count()
      return { counts: slices[at] ?? [], next: at + 1 < slices.length ? ((at + 1) as Cursor) : undefined }
    },
  }
}

function censusOf(table: Pick<TunnelReader, 'countByCountry'>, now: () => number): Census {
  return new Census({ table, isCountry: () => true, now, patienceMs: PATIENCE_MS })
}

test('the figures are sums over slices and countries, the country with the most tunnels first', async () => {
  const table = tableOf([[CANADA], [FRANCE, CANADA], [{ ...FRANCE, country: 'xx' }]])
  const census = new Census({ table, isCountry: code => code !== 'xx', patienceMs: PATIENCE_MS })
  const { byCountry, ...sums } = (await census.figures()) ?? assert.fail('figures')
  assert.deepEqual(sums, { tunnels: 15, answering: 10, countries: 2 })
  assert.deepEqual(byCountry, [{ country: 'ca', new: 0, waiting: 2, active: 4, unreachable: 2 }, FRANCE])
})

test('a count is given again for five seconds, and longer if it took long', async () => {
  let now = 0
  let counts = 0
  let cost = 0
  const table = tableOf([[CANADA]], () => {
    counts++
    now += cost
  })
  const census = censusOf(table, () => now)
  await census.figures()
  now = 4999
  await census.figures()
  assert.equal(counts, 1)
  now = 5000
  cost = 100
  await census.figures()
  assert.equal(counts, 2)
  now += 9999
  await census.figures()
  assert.equal(counts, 2)
  now++
  await census.figures()
  assert.equal(counts, 3)
})

test('whoever asks while it is counted again gets the figures of before at once, and those that are very old wait', async () => {
  let now = 0
  const slices = [[CANADA]]
  const census = censusOf(tableOf(slices), () => now)
  assert.equal((await census.figures())?.tunnels, 4)
  slices.push([FRANCE])
  now = 64_999
  assert.equal((await census.figures())?.tunnels, 4)
  for (let turn = 0; (await census.figures())?.tunnels === 4 && turn < 100; turn++)
    await new Promise(done => setImmediate(done))
  assert.equal((await census.figures())?.tunnels, 11)
  slices.pop()
  now += 200_000
  const [one, other] = await Promise.all([census.figures(), census.figures()])
  assert.deepEqual([one?.tunnels, other?.tunnels], [4, 4])
})

test('a count that does not come to its end keeps nobody waiting: the figures are unknown, or those of before', async () => {
  let now = 0
  let isHeldUp = true
  const table = {
    countByCountry: (): CountrySlice => ({ counts: [CANADA], next: isHeldUp ? (1 as Cursor) : undefined }),
  }
  const census = new Census({ table, isCountry: () => true, now: () => now })
  assert.equal(await census.figures(), undefined)
  isHeldUp = false
  await until(async () => (await census.figures()) !== undefined)
  const figures = await census.figures()
  isHeldUp = true
  now += 200_000
  assert.equal(await census.figures(), figures)
  isHeldUp = false
  await census.figures()
})

test('what others do between the slices of a count makes its figures last no longer', async () => {
  let now = 0
  let counts = 0
  const table = tableOf([[CANADA], [FRANCE]], () => counts++)
  const census = censusOf(table, () => now)
  const figures = census.figures()
  now += 10_000
  await figures
  now += 5000
  await census.figures()
  assert.equal(counts, 2)
})

test('a table that can’t be read leaves the figures of before, or none', async () => {
  let now = 0
  let isReadable = false
  const table = tableOf([[CANADA]], () => assert.ok(isReadable, 'the disk'))
  const census = censusOf(table, () => now)
  assert.equal(await census.figures(), undefined)
  now += 10_000
  isReadable = true
  assert.equal((await census.figures())?.tunnels, 4)
  now += 200_000
  isReadable = false
  assert.equal((await census.figures())?.tunnels, 4)
})

test('the table counts the same in slices of any size, and as many in each state as it says', async () => {
  const world = await World.open()
  try {
    world.edit(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 40)
      INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
        unreachable, key_hash, wait_until)
      SELECT 't' || i, '10.0.0.' || i, printf('2001:db8:f6:%x::2', i), printf('2001:db8:f6:%x::1', i), 'fn6-' || i,
        'h' || i, iif(i % 3, 'ca', 'fr'), 'linux', 1, i % 4 - 1, x'00', iif(i % 4 = 1 AND i < 10, 99, NULL)
      FROM numbers;
      DELETE FROM tunnels WHERE id IN ('t7', 't40')`)
    const { new: fresh, waiting, active, unreachable } = world.table.countByState()
    assert.deepEqual([fresh, waiting, active, unreachable], [9, 3, 7, 19])
    for (const limit of [1, 2, 19, 38, 100]) {
      const table = {
        countByCountry: (from: Cursor | undefined) => world.table.countByCountry(from, limit),
      }
      const figures =
        (await new Census({ table, isCountry: () => true, patienceMs: PATIENCE_MS }).figures()) ??
        assert.fail()
      assert.deepEqual([figures.tunnels, figures.answering, figures.countries], [38, 7, 2])
    }
  } finally {
    world.end()
  }
})
