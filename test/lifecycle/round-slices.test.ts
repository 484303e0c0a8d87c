import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { World } from './world.ts'

/** A network with many tunnels, more than are read, counted or taken down in one turn. */
const ROWS = 2500

let world: World

beforeEach(async () => {
  world = await World.open({ prefix: '2001:db8::/32' })
  world.edit(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${ROWS})
    INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      unreachable, key_hash)
    SELECT 't' || i, printf('10.0.%d.%d', i >> 8, i & 255), printf('2001:db8:f6:%x::2', i),
      printf('2001:db8:f6:%x::1', i), 'fn6-' || i, 'h' || i, 'ca', 'linux', 1, 0, x'00' FROM numbers`)
  await world.audit.run()
})

afterEach(() => world.end())

function idsUpTo(last: number): readonly string[] {
  return Array.from({ length: last }, (_, i) => `t${i + 1}`)
}

test('every tunnel is a target, once', async () => {
  const ids = (await world.lifecycle.probeTargets()).map(({ id }) => id)
  assert.deepEqual([ids.length, new Set(ids).size], [ROWS, ROWS])
})

test('a network that falls silent is counted and taken down in many commits, and all others are served between', async () => {
  const silent = idsUpTo(ROWS - 1)
  const counts: number[] = []
  let commits = 0
  world.broker.store.onCommitted(() => {
    commits++
  })
  for (let missed = 1; missed <= 3; missed++) {
    commits = 0
    const { removed } = await world.lifecycle.recordRound({ answered: [`t${ROWS}`], silent })
    counts.push(commits)
    assert.equal(removed, missed === 3 ? ROWS - 1 : 0)
  }
  assert.deepEqual(counts, [3, 3, 13]) // a threshold of 2: the third time 3 to count them and 10 to take them down
  assert.equal(world.table.count(), 1)
  assert.equal(world.table.dormant.count(), ROWS - 1)
  assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
})

test('a tunnel that moves or answers while others are taken down stays', async () => {
  const silent = idsUpTo(ROWS)
  for (let missed = 1; missed <= 2; missed++) await world.lifecycle.recordRound({ answered: [], silent })
  const saved: Promise<unknown>[] = []
  const stop = world.broker.store.onCommitted(({ serials }) => {
    if (serials.length === 0) return // they are still counted
    stop()
    saved.push(
      world.lifecycle.changeEndpoint('t2400', '198.51.100.1'),
      world.broker.store.commit(transaction => {
        transaction.countAnswered('t2450', 1)
        return { outcome: undefined, changes: [] }
      }),
    )
  })
  assert.deepEqual(await world.lifecycle.recordRound({ answered: [], silent }), { removed: ROWS - 2 })
  await Promise.all(saved)
  assert.deepEqual(
    (await world.lifecycle.probeTargets()).map(({ id }) => id),
    ['t2400', 't2450'],
  )
})
