/** What an owner's new key ends, and what a thief of the one before can't keep. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FakeKernel } from '../lifecycle/world.ts'
import { keyBehind, listenTo, mailedLink, reachedAt } from './keys-and-letters.ts'
import { type Answer, bearer, cookieIn, type Given, LAB, PortalWorld } from './portal-world.ts'

const EMAIL = 'alice@example.org'
const PROXIED = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
/** Longer than a commit waits for another program. */
const HELD_MS = 5000
const ENDED = { timeout: 60_000 }

function renew(world: PortalWorld, { id, key }: Pick<Given, 'id' | 'key'>): Promise<Answer> {
  return world.ask(`/api/v1/tunnels/${id}/key`, { method: 'POST', headers: bearer(key) })
}

async function renewed(world: PortalWorld, given: Pick<Given, 'id' | 'key'>): Promise<string> {
  return (JSON.parse((await renew(world, given)).text) as Given).key
}

async function statusWith(world: PortalWorld, id: string, key: string): Promise<number> {
  return (await world.ask(`/api/v1/tunnels/${id}`, { headers: bearer(key) })).status
}

async function signedIn(world: PortalWorld, { name, key }: Given): Promise<{ readonly cookie: string }> {
  return cookieIn(await world.post('/tunnels', { reference: name, key }))
}

/** Another program writes until `end` is called. */
function holdDatabase(world: PortalWorld): () => void {
  const other = new DatabaseSync(world.databaseFile)
  other.exec('BEGIN IMMEDIATE')
  return () => {
    other.exec('COMMIT')
    other.close()
  }
}

test('of two new keys asked for at once with one key the first is made, and is good', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const release = holdDatabase(world)
  const both = [renew(world, given), renew(world, given)]
  await sleep(300)
  release()
  const [first, second] = await Promise.all(both)
  assert.deepEqual([first?.status, second?.status].sort(), [200, 401])
  const { key } = JSON.parse((first?.status === 200 ? first : second)?.text ?? '') as Given
  assert.equal(await statusWith(world, given.id, key), 200)
})

test('two clicks at once for a new key, with a session, lead to the same', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const session = await signedIn(world, given)
  const release = holdDatabase(world)
  const both = [1, 2].map(() => world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, session))
  await sleep(300)
  release()
  const [first, second] = await Promise.all(both)
  assert.equal(first?.headers.location, second?.headers.location)
  const key = await keyBehind(world, second ?? assert.fail())
  assert.equal(await statusWith(world, given.id, key), 200)
})

test('two clicks at once on a mailed link lead to the same new key', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  await reachedAt(world, given, EMAIL)
  const link = await mailedLink(world, given, EMAIL)
  const release = holdDatabase(world)
  const both = [world.post(link, {}), world.post(link, {})]
  await sleep(300)
  release()
  const [first, second] = await Promise.all(both)
  assert.equal(first?.headers.location, second?.headers.location)
  assert.equal(await statusWith(world, given.id, await keyBehind(world, second ?? assert.fail())), 200)
})

test('a new key asked for with a key that is void when a dormant tunnel has come back is not made', async () => {
  const kernel = new FakeKernel()
  await using world = await PortalWorld.open(LAB, { kernel })
  const given = await world.register()
  const { lifecycle, operator, table } = world.broker
  await lifecycle.recordRound({ answered: [given.id], silent: [] })
  for (let i = 0; i < 6; i++) await lifecycle.recordRound({ answered: [], silent: [given.id] })
  assert.ok(table.dormant.byId(given.id))
  const { create } = kernel
  const isBeingMade = Promise.withResolvers<void>()
  const isRenewed = Promise.withResolvers<void>()
  kernel.create = async links => {
    isBeingMade.resolve()
    await isRenewed.promise
    return create.call(kernel, links)
  }
  const late = renew(world, given)
  await isBeingMade.promise
  const renewal = await operator.renewKey(given.id)
  assert.ok(renewal.kind === 'done')
  isRenewed.resolve()
  assert.equal((await late).status, 401)
  assert.ok(table.keyMatches(given.id, renewal.value.key))
})

test('who has the key does not keep its owner from a new one by mail, or from the tunnel itself', async () => {
  await using world = await PortalWorld.open(PROXIED)
  const given = (await world.register()) as Given & { readonly ipv6_client: string }
  await reachedAt(world, given, EMAIL)
  let { key } = given
  for (let i = 0; i < 10; i++) key = await renewed(world, { ...given, key })
  assert.equal((await renew(world, { ...given, key })).status, 429)
  const byMail = await world.post(await mailedLink(world, given, EMAIL), {})
  const headers = { 'x-forwarded-for': given.ipv6_client }
  const own = await world.ask('/api/v1/recover', { method: 'POST', headers })
  assert.deepEqual([byMail.status, own.status, await statusWith(world, given.id, key)], [303, 200, 401])
})

test('a link that waits in the letters of a former address makes no key', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  await reachedAt(world, given, 'former@example.org')
  const link = await mailedLink(world, given, 'former@example.org')
  await reachedAt(world, given, EMAIL)
  assert.equal((await world.post(link, {})).status, 404)
  assert.equal(await statusWith(world, given.id, given.key), 200)
})

test('a session opened with a void cookie while the new key waited ends when its owner sees that', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const stolen = await signedIn(world, given)
  const mine = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, stolen)
  const thief = await world.ask(`/tunnels/${given.id}`, { headers: stolen }) // leads to the key; nobody follows
  await keyBehind(world, mine)
  const again = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, cookieIn(thief))
  assert.equal(again.status, 401)
  const page = await world.ask(`/tunnels/${given.id}`, { headers: cookieIn(mine) })
  assert.equal(page.status, 200, 'the browser that got the key stays signed in')
})

test('a session opened with the former key ends when the new one was seen', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  let { key } = given
  for (let i = 0; i < 9; i++) key = await renewed(world, { ...given, key })
  const answer = await world.post(
    `/tunnels/${given.id}/key`,
    { sure: 'yes' },
    await signedIn(world, { ...given, key }),
  )
  const thief = await signedIn(world, { ...given, key }) // the tenth was made: none for the thief
  await keyBehind(world, answer)
  assert.equal((await world.post(`/tunnels/${given.id}/delete`, { sure: 'yes' }, thief)).status, 401)
})

test('a stream of events ends when its session is signed out', ENDED, async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const session = await signedIn(world, given)
  const { whole } = await listenTo(world, given.id, session)
  await world.post('/sign-out', {}, session)
  await whole
})

test('a stream of events opened with the former key ends when the new one was seen', ENDED, async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const answer = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, await signedIn(world, given))
  const { whole } = await listenTo(world, given.id, bearer(given.key))
  await keyBehind(world, answer)
  await whole
})

test('a key that was void once never opens again, although the table could not hear that', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const first = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, await signedIn(world, given))
  const release = holdDatabase(world)
  const shown = await keyBehind(world, first)
  await sleep(HELD_MS)
  release()
  assert.equal(await statusWith(world, given.id, given.key), 401)
  const session = await signedIn(world, { ...given, key: shown })
  await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, session)
  const statuses = [given.key, shown].map(key => statusWith(world, given.id, key))
  assert.deepEqual(await Promise.all(statuses), [401, 200])
})
