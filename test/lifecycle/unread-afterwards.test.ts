import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { dormant, heard, registered, request } from './stages.ts'
import { registerOne, World } from './world.ts'

/** As node:sqlite says of a disk that can't be read, as of a page that can't be right. */
const UNREADABLE = Object.assign(new Error('database disk image is malformed'), { errcode: 11 })

let world: World

beforeEach(async () => {
  world = await World.open()
})
afterEach(() => world.end())

/** Once the next change of the names or rows is committed nothing can be read any more. */
function breakReads(commits = 1): void {
  let left = commits
  const stop = world.broker.store.onCommitted(() => {
    if (--left > 0) return
    stop()
    for (const read of ['byId', 'idByName', 'idByEndpoint', 'newTunnels'] as const)
      Object.defineProperty(world.table, read, { value: fail, configurable: true })
    Object.defineProperty(world.table.dormant, 'byId', { value: fail, configurable: true })
  })
}

function fail(): never {
  throw UNREADABLE
}

test('a registration that is committed is told with its key, although it can not be read again', async () => {
  breakReads()
  const { tunnel, key } = registered(await registerOne(world.lifecycle, request(1)))
  assert.deepEqual([tunnel.nicname, tunnel.ipv4Client, key.length > 0], ['host1', '198.51.100.1', true])
})

test('so is a move', async () => {
  const { tunnel } = await heard(world)
  breakReads()
  const outcome = await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.99')
  assert.deepEqual(outcome.kind === 'changed' && outcome.tunnel.ipv4Client, '198.51.100.99')
})

test('so is a move to the endpoint of a silent tunnel', async () => {
  const [{ tunnel }, holder] = [await heard(world, 7), await heard(world, 8)]
  const ipv4 = holder.tunnel.ipv4Client ?? ''
  breakReads()
  const outcome = await world.lifecycle.takeEndpoint(tunnel.id, { ipv4, holder: holder.tunnel.id })
  assert.deepEqual(outcome.kind === 'changed' && outcome.tunnel.ipv4Client, ipv4)
})

test('so is a deletion, beside one whose interface the kernel keeps', async () => {
  const [gone, kept] = [(await heard(world, 7)).tunnel, (await heard(world, 8)).tunnel]
  world.kernel.refusing.set(kept.device, 'busy')
  breakReads()
  const outcomes = await Promise.all([gone, kept].map(({ id }) => world.lifecycle.delete(id)))
  assert.deepEqual(
    outcomes.map(outcome => outcome.kind),
    ['deleted', 'refused'],
  )
})

test('a tunnel that can not be read is shown as it was', async () => {
  const { tunnel } = await dormant(world)
  world.table.dormant.byId = fail
  world.table.byId = fail
  assert.deepEqual(world.lifecycle.current(tunnel), tunnel)
})
