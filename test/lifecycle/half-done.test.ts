import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { codesOf, heard, miss, stateIn } from './stages.ts'
import { World } from './world.ts'

/** As node:sqlite says that another program holds the database. */
const BUSY = Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 })

let world: World

beforeEach(async () => {
  world = await World.open()
})
afterEach(() => world.end())

test('whoever is refused a move has the endpoint in the kernel that the row has', async t => {
  const { tunnel } = await heard(world)
  const change = world.kernel.changeRemote.bind(world.kernel)
  const fails = t.mock.method(world.kernel, 'changeRemote', change)
  fails.mock.mockImplementationOnce(async links => {
    await change(links)
    return links.map(({ device }) => ({ device, reason: 'its route failed' }))
  })
  const outcome = await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.99')
  assert.deepEqual(codesOf(outcome), ['interface-fault'])
  assert.equal(world.table.byId(tunnel.id)?.ipv4Client, tunnel.ipv4Client)
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, tunnel.ipv4Client)
})

for (const wish of ['suspend', 'delete'] as const) {
  test(`a tunnel that the database does not let us ${wish} is up as before`, async t => {
    const { tunnel } = await heard(world)
    t.mock.method(world.broker.store, 'commit', () => Promise.reject(BUSY), { times: 1 })
    assert.deepEqual(codesOf(await world.lifecycle[wish](tunnel.id, 'owner')), ['storage-busy'])
    assert.equal(stateIn(world, tunnel), 'active')
    assert.ok(world.kernel.links.has(tunnel.device))
  })
}

test('a silent tunnel whose sleep can not be written down is up as before', async t => {
  const { tunnel } = await heard(world)
  await miss(world, tunnel, 2)
  const { store } = world.broker
  const commit = store.commit.bind(store)
  const locked = t.mock.method(store, 'commit', commit)
  locked.mock.mockImplementationOnce(() => Promise.reject(BUSY), 1) // behind the count of the round
  await assert.rejects(world.lifecycle.recordRound({ answered: [], silent: [tunnel.id] }), BUSY)
  assert.equal(stateIn(world, tunnel), 'unreachable')
  assert.ok(world.kernel.links.has(tunnel.device))
})

test('a lowered threshold takes down who is silent in a round of its own, and nobody else', async () => {
  const [one, other] = [await heard(world, 7), await heard(world, 8)]
  world.edit(`UPDATE tunnels SET unreachable = 5 WHERE id = '${one.tunnel.id}'`) // monitor.threshold was 10
  world = await world.restart() // and is 2
  const unasked = await world.lifecycle.recordRound({ answered: [other.tunnel.id], silent: [] })
  assert.deepEqual([unasked, stateIn(world, one.tunnel)], [{ removed: 0 }, 'unreachable'])
  assert.equal(await miss(world, other.tunnel), 0)
  assert.equal(await miss(world, one.tunnel), 1)
  assert.equal(stateIn(world, one.tunnel), 'dormant')
})

test('a silent tunnel whose interface the kernel keeps goes in the next round that hears its silence', async () => {
  const { tunnel } = await heard(world)
  world.kernel.refusing.set(tunnel.device, 'busy')
  assert.equal(await miss(world, tunnel, 3), 0)
  world.kernel.refusing.clear()
  assert.deepEqual(await world.lifecycle.recordRound({ answered: [], silent: [] }), { removed: 0 })
  assert.equal(stateIn(world, tunnel), 'unreachable')
  assert.equal(await miss(world, tunnel), 1)
})

test('a note that comes when its tunnel has gone is kept nowhere', async () => {
  const { tunnel } = await heard(world)
  const removal = world.lifecycle.delete(tunnel.id, 'operator')
  await Promise.all([removal, world.lifecycle.setNote(tunnel.id, 'pays late')])
  await world.lifecycle.setNote(tunnel.id, 'pays late')
  assert.equal(world.connection.prepare('SELECT count(*) AS n FROM notes').get()?.n, 0)
})
