import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { until } from '../until.ts'
import { keyBehind, mailedLink, reachedAt } from './keys-and-letters.ts'
import { type Answer, bearer, cookieIn, type Given, PortalWorld } from './portal-world.ts'

const EMAIL = 'alice@example.org'

let world: PortalWorld
let given: Given
let path: string

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register()
  path = `/api/v1/tunnels/${given.id}`
})

afterEach(() => world[Symbol.asyncDispose]())

function signIn(key: string): Promise<Answer> {
  return world.post('/tunnels', { reference: given.name, key })
}

async function statusWith(key: string): Promise<number> {
  return (await world.ask(path, { headers: bearer(key) })).status
}

/** Asks for a new key with a session; nobody follows to the page that shows it. */
async function askOnPage(): Promise<Answer> {
  return world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, cookieIn(await signIn(given.key)))
}

/** Whether the table knows that the tunnel's key was seen. */
function isNoted(): boolean {
  return world.broker.table.proofs.unseenKey(given.id) === undefined
}

async function linkMailed(): Promise<string> {
  await reachedAt(world, given, EMAIL)
  return mailedLink(world, given, EMAIL)
}

test('a new key that was lost with the process is replaced by another with the key before, through the API', async () => {
  await world.broker.lifecycle.renewKey(given.id, 'key') // and no reply leaves
  world = await world.crash()
  assert.equal(await statusWith(given.key), 200)
  const again = await world.ask(`${path}/key`, { method: 'POST', headers: bearer(given.key) })
  const { key } = JSON.parse(again.text) as Given
  assert.deepEqual([await statusWith(given.key), await statusWith(key)], [401, 200])
})

test('lost twice, the key before still opens', async () => {
  for (const _ of [1, 2]) {
    await world.broker.lifecycle.renewKey(given.id, 'key')
    world = await world.crash()
  }
  assert.equal(await statusWith(given.key), 200)
})

test('on the page whoever signs in with the key before sees the new one at once', async () => {
  await askOnPage()
  world = await world.crash()
  const key = await keyBehind(world, await signIn(given.key))
  assert.deepEqual([await statusWith(given.key), await statusWith(key)], [401, 200])
  assert.equal((await signIn(given.key)).status, 401)
})

test('a new key that was seen makes the one before void for good, after a crash too', async () => {
  const key = await keyBehind(world, await askOnPage())
  assert.equal(await statusWith(given.key), 401)
  await until(isNoted) // the table hears of it a moment later
  world = await world.crash()
  assert.deepEqual([await statusWith(given.key), await statusWith(key)], [401, 200])
})

test('one that is used makes the one before void, whatever became of its reply', async () => {
  const renewal = await world.broker.lifecycle.renewKey(given.id, 'key')
  const { key } = renewal.kind === 'renewed' ? renewal : assert.fail()
  world = await world.crash()
  assert.deepEqual([await statusWith(key), await statusWith(given.key)], [200, 401])
})

test('one that nobody was told of is no reason to keep the one before when the operator makes it', async () => {
  await world.broker.lifecycle.renewKey(given.id, 'key')
  await world.broker.operator.renewKey(given.id)
  assert.equal(await statusWith(given.key), 401)
  world = await world.crash()
  assert.equal(await statusWith(given.key), 401)
})

test('the key before is void ten minutes later, seen or not', async () => {
  await world[Symbol.asyncDispose]()
  let elapsed = 0
  world = await PortalWorld.open(undefined, { monotonic: () => elapsed })
  given = await world.register()
  path = `/api/v1/tunnels/${given.id}`
  await world.broker.lifecycle.renewKey(given.id, 'key')
  elapsed = 600
  assert.equal(await statusWith(given.key), 200)
  elapsed = 601
  assert.equal(await statusWith(given.key), 401)
})

test('a mailed link that was not yet used works after a crash', async () => {
  const link = await linkMailed()
  world = await world.crash()
  assert.equal((await world.ask(link)).status, 200)
  const key = await keyBehind(world, await world.post(link, {}))
  assert.equal(await statusWith(key), 200)
  assert.equal((await world.post(link, {})).status, 404)
})

test('one whose key was lost with the process makes another, and the key that was lost before opens nothing', async () => {
  const link = await linkMailed()
  assert.equal((await world.post(link, {})).status, 303)
  assert.equal(await statusWith(given.key), 401)
  world = await world.crash()
  const key = await keyBehind(world, await world.post(link, {}))
  assert.deepEqual([await statusWith(key), await statusWith(given.key)], [200, 401])
  await until(isNoted)
  world = await world.crash()
  assert.equal((await world.post(link, {})).status, 404)
})

test('what opens a tunnel goes with it', async () => {
  const link = await linkMailed()
  const { proofs } = world.broker.table
  assert.equal(world.broker.lifecycle.proofs.linkedTunnel(link.split('/').at(-1) ?? ''), given.id)
  await world.broker.lifecycle.renewKey(given.id, 'key')
  assert.ok(proofs.hasUnseenKeys())
  await world.broker.lifecycle.delete(given.id)
  assert.ok(!proofs.hasUnseenKeys())
  assert.equal((await world.post(link, {})).status, 404)
})
