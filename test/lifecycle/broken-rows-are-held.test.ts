import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { dormant, heard, miss, registered, request, stateIn } from './stages.ts'
import { registerOne, TTL, World } from './world.ts'

const DAY = 86_400
const RIGHT = '2001:db8:f6::/48'
const MISTYPED = '2001:db8:f7::/48'

let world: World

beforeEach(async () => {
  world = await World.open()
})
afterEach(() => world.end())

async function reopened(prefix: string): Promise<World> {
  const { directory, kernel, now } = world
  world.broker.close()
  return World.open({ directory, kernel, now, prefix })
}

async function pass(days: number): Promise<void> {
  world.now += days * DAY
  await world.lifecycle.endDormant()
}

test('a dormant tunnel outlasts a configuration that does not fit it, and then has half of its time at least', async () => {
  const { tunnel, key } = await dormant(world)
  await pass(29)
  world = await reopened(MISTYPED)
  await pass(3)
  assert.equal(world.connection.prepare('SELECT count(*) AS n FROM notices').get()?.n, 0)
  world = await reopened(RIGHT)
  await pass(14)
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'woken')
  assert.ok(world.table.keyMatches(tunnel.id, key))
})

test('a tunnel that waits for its first answer does not wait its time out under such a configuration', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  world = await reopened(MISTYPED)
  await pass(3)
  world = await reopened(RIGHT)
  assert.equal(await miss(world, tunnel), 0)
  assert.equal(stateIn(world, tunnel), 'waiting')
})

test('a dormant row that was spoiled by hand is held before anybody has read it; others end with their time', async () => {
  const [spoiled, sound] = [await dormant(world, 7), await dormant(world, 8)]
  world.edit(`UPDATE dormant SET os = 'plan9' WHERE id = '${spoiled.tunnel.id}'`)
  await pass(31)
  assert.equal(stateIn(world, sound.tunnel), undefined)
  await pass(400)
  world.edit("UPDATE dormant SET os = 'linux'")
  assert.equal((await world.lifecycle.wake(spoiled.tunnel.id)).kind, 'woken')
})

test('a dormant row that was mended by hand ends with its time again', async () => {
  const { tunnel } = await dormant(world)
  world.edit("UPDATE dormant SET os = 'plan9'")
  await pass(40)
  world.edit("UPDATE dormant SET os = 'linux'")
  await world.audit.run()
  assert.equal(stateIn(world, tunnel), 'dormant')
  await pass(31)
  assert.equal(world.table.dormant.count(), 0)
})

/** More than are tried in one registration. */
const MANY = 5000

for (const table of ['tunnels', 'dormant'])
  test(`the first registration under another prefix finds a free device behind ${MANY} rows of the former in ${table}`, async () => {
    const ends = table === 'dormant' ? [', since, until', ', 5, 4000000000'] : ['', '']
    world.edit(`WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${MANY - 1})
      INSERT INTO ${table} (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
        unreachable, key_hash, kind ${ends[0]})
      SELECT 't' || i, printf('10.0.%d.%d', i >> 8, i & 255), printf('2001:db8:f6:%x::2', i),
        printf('2001:db8:f6:%x::1', i), 'fn6-' || i, 'h' || i, 'ca', 'linux', 1, 0, x'00', 'sit' ${ends[1]} FROM numbers`)
    world = await reopened(MISTYPED)
    assert.equal(registered(await registerOne(world.lifecycle, request(7))).tunnel.device, `fn6-${MANY}`)
    await world.lifecycle.delete('t3')
    world.now += 2 * TTL
    assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-3')
  })

test('the operator deletes a broken dormant row, and its index rests', async () => {
  const { tunnel } = await dormant(world)
  await heard(world, 8)
  world.edit(`UPDATE dormant SET os = 'plan9' WHERE id = '${tunnel.id}'`)
  await pass(31)
  assert.equal((await world.broker.operator.delete(tunnel.id)).kind, 'done')
  assert.equal(world.table.dormant.count(), 0)
  assert.equal(world.table.countByState().broken, 0)
  assert.equal(registered(await registerOne(world.lifecycle, request(9))).tunnel.device, 'fn6-2')
  world.now += 2 * TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(10))).tunnel.device, 'fn6-0')
})
