/** What an owner's new key ends, and what a thief of the one before can't keep. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SESSION_LIFETIME_MS } from '../../src/portal/sign-in.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { keyBehind, listenTo, mailedLink, reachedAt } from './keys-and-letters.ts'
import { type Answer, bearer, cookieIn, type Given, LAB, PortalWorld } from './portal-world.ts'

const EMAIL = 'alice@example.org'
const ROUTED = LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:e000::/36"')
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

test('two clicks at once on the form to sign in, with the key before one that was lost, lead to one new key', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, await signedIn(world, given)) // its reply is lost
  const release = holdDatabase(world)
  const both = [1, 2].map(() => world.post('/tunnels', { reference: given.name, key: given.key }))
  await sleep(300)
  release()
  const [first, second] = await Promise.all(both)
  assert.equal(first?.headers.location, second?.headers.location)
  assert.equal(await statusWith(world, given.id, await keyBehind(world, second ?? assert.fail())), 200)
})

/** A dormant tunnel, whose interface is made when the test says so. */
async function asleep() {
  const kernel = new FakeKernel()
  const world = await PortalWorld.open(ROUTED, { kernel })
  const given = await world.register()
  const { lifecycle, table } = world.broker
  await lifecycle.recordRound({ answered: [given.id], silent: [] })
  for (let i = 0; i < 6; i++) await lifecycle.recordRound({ answered: [], silent: [given.id] })
  assert.ok(table.dormant.byId(given.id))
  const { create } = kernel
  const isBeingMade = Promise.withResolvers<void>()
  const mayBeMade = Promise.withResolvers<void>()
  kernel.create = async links => {
    isBeingMade.resolve()
    await mayBeMade.promise
    return create.call(kernel, links)
  }
  return { world, given, isBeingMade: isBeingMade.promise, wake: mayBeMade.resolve }
}

const LATE = {
  'a new key': (world: PortalWorld, given: Given) => renew(world, given),
  ...Object.fromEntries(
    [{ ipv4: '192.0.2.77', email: 'thief@example.net' }, { mtu: 1280 }, { routed_prefix: true }].map(body => [
      JSON.stringify(body),
      (world: PortalWorld, { id, key }: Given) =>
        world.askJson(`/api/v1/tunnels/${id}`, 'PATCH', body, bearer(key)),
    ]),
  ),
}

for (const [what, ask] of Object.entries(LATE)) {
  test(`${what}: not done with a key that is void when the dormant tunnel has come back`, async () => {
    const { world, given, isBeingMade, wake } = await asleep()
    await using _ = world
    const late = ask(world, given)
    await isBeingMade
    const renewal = await world.broker.operator.renewKey(given.id)
    assert.ok(renewal.kind === 'done')
    wake()
    assert.equal((await late).status, 401)
    assert.ok(world.broker.table.keyMatches(given.id, renewal.value.key))
    assert.equal(world.broker.table.contactOf(given.id), undefined)
    const { mtu, routedPrefix } = world.broker.table.byId(given.id) ?? assert.fail()
    assert.deepEqual([mtu, routedPrefix], [undefined, undefined])
  })
}

test('a page that shows a new key once its tunnel has come back shows none that is void by then', async () => {
  const { world, given, isBeingMade, wake } = await asleep()
  await using _ = world
  const session = await signedIn(world, given)
  const asked = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, session)
  const page = world.ask(String(asked.headers.location), { headers: cookieIn(asked) })
  await isBeingMade
  const second = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, cookieIn(asked))
  wake()
  assert.equal((await page).status, 303)
  assert.equal(await statusWith(world, given.id, await keyBehind(world, second)), 200)
})

test('a corrected capital of the address leaves a mailed link good', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  await reachedAt(world, given, EMAIL)
  const link = await mailedLink(world, given, EMAIL)
  const email = EMAIL.replace('a', 'A')
  assert.equal(
    (await world.askJson(`/api/v1/tunnels/${given.id}`, 'PATCH', { email }, bearer(given.key))).status,
    200,
  )
  assert.equal((await world.post(link, {})).status, 303)
})

test('who has signed out while a new key waited is signed out, whoever has a copy of the cookie', async () => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const session = await signedIn(world, given)
  const asked = await world.post(`/tunnels/${given.id}/key`, { sure: 'yes' }, session)
  await world.post('/sign-out', {}, cookieIn(asked))
  const copy = await world.ask(`/tunnels/${given.id}`, { headers: session })
  assert.notEqual(copy.status, 303)
})

test('a page that is open for longer than its session lasts goes on being told', ENDED, async t => {
  await using world = await PortalWorld.open()
  const given = await world.register()
  const { whole } = await listenTo(world, given.id, await signedIn(world, given))
  const now = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => now() + SESSION_LIFETIME_MS + 1)
  await world.broker.lifecycle.recordRound({ answered: [given.id], silent: [] })
  assert.equal(await Promise.race([whole, sleep(500, 'it goes on')]), 'it goes on')
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
