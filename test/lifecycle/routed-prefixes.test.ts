import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { formatPrefix } from '../../src/address/prefix.ts'
import type { EndpointChange } from '../../src/lifecycle/moves.ts'
import type { Link } from '../../src/tunnel/interface.ts'
import { heard } from './stages.ts'
import { SILENT, World } from './world.ts'

const FIRST = '2001:db8:8000::/56'
const SECOND = '2001:db8:8000:100::/56'
const KEEPS = 'keep = "30d"'

let world: World
let id: string
let device: string

beforeEach(async () => {
  world = await World.open({ routed: '2001:db8:8000::/55', monitor: KEEPS })
  ;({ id, device } = (await heard(world, 1)).tunnel)
})
afterEach(() => world.end())

const give = (whom = id) => world.lifecycle.changeRouted(whom, true)
const take = (whom = id) => world.lifecycle.changeRouted(whom, false)

function prefixOf(change: EndpointChange): string | undefined {
  assert.notEqual(change.kind, 'refused')
  if (change.kind === 'refused') return undefined
  return change.tunnel.routedPrefix && formatPrefix(change.tunnel.routedPrefix)
}

function codeOf(change: EndpointChange): string | undefined {
  return change.kind === 'refused' ? change.problems[0]?.code : undefined
}

/** What row and kernel have of it. */
function standing(whom = id) {
  const row = (world.table.byId(whom) ?? world.table.dormant.byId(whom))?.routedPrefix
  return [row && formatPrefix(row), world.kernel.links.get(device)?.routedPrefix]
}

test('a tunnel that is there is given a prefix, in its row and in the kernel; a second click changes nothing', async () => {
  assert.equal(prefixOf(await give()), FIRST)
  assert.deepEqual(standing(), [FIRST, FIRST])
  const again = await give()
  assert.deepEqual([again.kind, prefixOf(again)], ['unchanged', FIRST])
})

test('two clicks at once give one prefix', async () => {
  assert.deepEqual((await Promise.all([give(), give()])).map(prefixOf), [FIRST, FIRST])
})

test('one that is given back is gone from row and kernel, and rests: the next one gets another', async () => {
  await give()
  assert.equal(prefixOf(await take()), undefined)
  assert.deepEqual(standing(), [undefined, undefined])
  assert.equal((await take()).kind, 'unchanged')
  const other = (await heard(world, 2)).tunnel
  assert.equal(prefixOf(await give(other.id)), SECOND)
  assert.equal(codeOf(await give()), 'routed-prefixes-full')
  world.now += 1000
  assert.equal(prefixOf(await give()), FIRST)
})

test('it rests over a restart too', async () => {
  await give()
  await take()
  world = await world.restart()
  assert.equal(prefixOf(await give()), SECOND)
})

test('what the kernel refuses is undone: the row has none, and the prefix is nobody’s', async () => {
  world.kernel.refusing.set(device, 'no room')
  assert.equal(codeOf(await give()), 'interface-fault')
  world.kernel.refusing.clear()
  assert.deepEqual(standing(), [undefined, undefined])
})

test('what the kernel refuses and takes back uses up nothing, however often it is asked for', async t => {
  const changeRemote = t.mock.method(world.kernel, 'changeRemote', async (links: readonly Link[]) =>
    links.flatMap(({ routedPrefix }) => (routedPrefix === undefined ? [] : [{ device, reason: 'no room' }])),
  )
  for (let times = 0; times < 5; times++) assert.equal(codeOf(await give()), 'interface-fault')
  changeRemote.mock.restore()
  const other = (await heard(world, 2)).tunnel
  assert.equal(prefixOf(await give(other.id)), FIRST)
  world = await world.restart()
  assert.equal(prefixOf(await give()), SECOND)
})

test('what the kernel may have all the same, as it can not be taken back either, is given to nobody else at once', async () => {
  world.kernel.refusing.set(device, 'nft did not end in time')
  assert.equal(codeOf(await give()), 'interface-fault')
  const other = (await heard(world, 2)).tunnel
  assert.equal(prefixOf(await give(other.id)), SECOND)
})

test('what the kernel does not take back stays the tunnel’s', async () => {
  await give()
  world.kernel.refusing.set(device, 'busy')
  assert.equal(codeOf(await take()), 'interface-fault')
  assert.deepEqual(standing(), [FIRST, FIRST])
})

/** The code of a change while no disk takes anything. */
async function unwritable(change: () => Promise<EndpointChange>): Promise<string | undefined> {
  world.connection.exec('PRAGMA query_only = ON')
  const outcome = await change()
  world.connection.exec('PRAGMA query_only = OFF')
  return codeOf(outcome)
}

test('when the database can not be written nothing is changed, either way', async () => {
  assert.equal(await unwritable(give), 'storage-fault')
  assert.deepEqual(standing(), [undefined, undefined])
  await give()
  assert.equal(await unwritable(take), 'storage-fault')
  assert.deepEqual(standing(), [FIRST, FIRST])
})

test('one that another program’s row has is passed over', async () => {
  const other = (await heard(world, 2)).tunnel
  world.edit(`UPDATE tunnels SET routed_prefix = '${FIRST}' WHERE id = '${other.id}'`)
  assert.equal(prefixOf(await give()), SECOND)
})

test('a dormant tunnel is given one without being woken, and comes back with it', async () => {
  for (let round = 0; round < 4; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
  assert.equal(prefixOf(await give()), FIRST)
  assert.deepEqual(standing(), [FIRST, undefined])
  assert.ok(world.table.dormant.byId(id))
  await world.lifecycle.wake(id)
  assert.deepEqual(standing(), [FIRST, FIRST])
})

test('no tunnel, no prefix', async () => {
  assert.equal(codeOf(await give('nobody')), 'not-found')
  assert.equal(codeOf(await take('nobody')), 'not-found')
})

/** The same table with another routed prefix, or none. */
function reopened(routed: string, told: object[] = []): Promise<World> {
  const { directory, kernel, now } = world
  world.broker.close()
  const log = { ...SILENT, warn: (facts: object) => void told.push(facts) }
  return World.open({ directory, kernel, now, routed, log })
}

test('prefixes that another configuration does not route are told of at start, and kept', async () => {
  await give()
  const told: object[] = []
  world = await reopened('', told)
  assert.deepEqual(told, [{ prefixes: 1, such_as: FIRST }])
  world = await reopened('2001:db8:8000::/55', told)
  assert.equal(told.length, 1)
  assert.deepEqual(standing(), [FIRST, FIRST])
})

test('one that is given back while it is not routed does not come back', async () => {
  await give()
  world = await reopened('')
  assert.equal(prefixOf(await take()), undefined)
  world = await reopened('2001:db8:8000::/55')
  assert.equal(standing()[0], undefined)
})

test('one that is not routed is not said to be given back where that can not be written', async () => {
  await give()
  world = await reopened('')
  assert.equal(await unwritable(take), 'storage-fault')
  world = await reopened('2001:db8:8000::/55')
  assert.deepEqual(standing(), [FIRST, FIRST])
})
