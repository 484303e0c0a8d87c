import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { cookieIn, type Given, GOOD, PortalWorld } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'
const ROUNDS = 6

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register({ ipv4: '127.0.0.1' })
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  assert.ok(isDormant())
})

afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

function isDormant(): boolean {
  return world.broker.table.dormant.byId(given.id) !== undefined
}

function bearer() {
  return { authorization: `Bearer ${given.key}` }
}

function basic() {
  return { authorization: `Basic ${Buffer.from(`${given.id}:${given.key}`).toString('base64')}` }
}

test('a dormant tunnel is back with the first visit that has its key, under the id, name and addresses it had', async () => {
  const answer = await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer() })
  const shown = JSON.parse(answer.text)
  assert.deepEqual(
    [answer.status, shown.id, shown.name, shown.state, shown.unreachable],
    [200, given.id, given.name, 'active', 0],
  )
  assert.ok(!isDormant())
})

test('the list of a browser says when a dormant tunnel ends and how long that is, in its language', async () => {
  await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer() })
  const headers = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  assert.ok(isDormant())
  const list = async (language: string) =>
    (await world.ask('/tunnels', { headers: { ...headers, 'accept-language': language } })).text
  assert.match(await list('en'), /ends on \d{4}-\d\d-\d\d \d\d:\d\d UTC, 30 days left/)
  assert.match(await list('fr'), /finit le \S+ \S+ UTC, encore 30\sjours/)
  assert.ok(isDormant()) // a look at the list is no visit
})

test('whoever asks for a new key with the old one has come by too', async () => {
  const answer = await world.ask(`${TUNNELS}/${given.id}/key`, { method: 'POST', headers: bearer() })
  assert.equal(answer.status, 200)
  assert.ok(!isDormant())
})

test('a wrong key wakes nothing, and a script without a key is given and wakes nothing', async () => {
  const wrong = await world.ask(`${TUNNELS}/${given.id}`, { headers: { authorization: 'Bearer wrong' } })
  assert.equal(wrong.status, 401)
  const script = await world.ask(`${TUNNELS}/${given.id}/script?os=linux&action=up`)
  assert.equal(script.status, 200)
  assert.ok(isDormant())
})

test('the script that is fetched with the key wakes it', async () => {
  const script = await world.ask(`${TUNNELS}/${given.id}/script?os=linux&action=up`, { headers: bearer() })
  assert.equal(script.status, 200)
  assert.ok(!isDormant())
})

test('an update client wakes it, at its old address and at a new one', async () => {
  const update = (myip: string) =>
    world.ask(`/nic/update?hostname=${given.name}&myip=${myip}`, { headers: basic() })
  assert.equal((await update('127.0.0.1')).text, 'good 127.0.0.1\n')
  assert.ok(!isDormant())
  assert.equal((await update('127.0.0.1')).text, 'nochg 127.0.0.1\n')
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  assert.equal((await update('192.0.2.99')).text, 'good 192.0.2.99\n')
  assert.equal(world.broker.table.byId(given.id)?.ipv4Client, '192.0.2.99')
})

test('signing in on the page wakes it', async () => {
  const signedIn = await world.post('/tunnels', { reference: given.name, key: given.key })
  assert.equal(signedIn.status, 303)
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? ''
  const page = await world.ask(`/tunnels/${given.id}`, { headers: { cookie } })
  assert.match(page.text, /class="state active"/)
  assert.ok(!isDormant())
})

test('registered again from its endpoint under its name it is the same tunnel, with a new key', async () => {
  const again = await world.register({ ipv4: '127.0.0.1' })
  assert.deepEqual([again.id, again.name], [given.id, given.name])
  assert.notEqual(again.key, given.key)
  assert.ok(world.broker.table.keyMatches(given.id, again.key))
  assert.ok(!world.broker.table.keyMatches(given.id, given.key))
  assert.ok(!isDormant())
})

test('registered again it is closed to the browser that was signed in with the old key', async () => {
  const signedIn = await world.post('/tunnels', { reference: given.name, key: given.key })
  const headers = cookieIn(signedIn)
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  await world.register({ ipv4: '127.0.0.1' })
  const page = await world.ask(`/tunnels/${given.id}`, { headers })
  assert.match(page.text, /<h1>Open your tunnel<\/h1>/)
})

test('its name is taken for everybody else', async () => {
  for (const ipv4 of ['192.0.2.78', '127.0.0.2']) {
    const other = await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4 })
    assert.equal(JSON.parse(other.text).code, 'nicname-taken')
  }
  assert.ok(isDormant())
})

test('while its endpoint has another tunnel it says that it is dormant, since when and until when; a move brings it back', async () => {
  await world.register({ ipv4: '127.0.0.1', nicname: 'other' })
  const shown = JSON.parse((await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer() })).text)
  assert.equal(shown.state, 'dormant')
  assert.ok(Math.abs(shown.dormant_since - Date.now() / 1000) < 60)
  // Two clocks, each in whole seconds.
  assert.ok(Math.abs(shown.until - shown.dormant_since - 30 * 86_400) <= 1)
  const signedIn = await world.post('/tunnels', { reference: given.id, key: given.key })
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? ''
  const page = await world.ask(`/tunnels/${given.id}`, { headers: { cookie } })
  assert.match(page.text, /class="state dormant"[\s\S]*are kept until \d{4}-/)
  const refused = await world.askJson(`${TUNNELS}/${given.id}`, 'PATCH', { ipv4: '127.0.0.1' }, bearer())
  assert.equal(JSON.parse(refused.text).code, 'ipv4-in-use')
  const moved = await world.askJson(`${TUNNELS}/${given.id}`, 'PATCH', { ipv4: '192.0.2.99' }, bearer())
  assert.equal(JSON.parse(moved.text).state, 'active')
})

test('a page on which nobody has tried to wake it says how to, and one on which that failed says what to give', async () => {
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.id, key: given.key }))
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  const unticked = await world.post(`/tunnels/${given.id}/delete`, {}, cookie)
  assert.match(unticked.text, /are kept until [^<]*Open this page again to bring it back\.</)
  await world.register({ ipv4: '127.0.0.1', nicname: 'other' })
  const failed = [
    await world.ask(`/tunnels/${given.id}`, { headers: cookie }),
    await world.post(`/tunnels/${given.id}/endpoint`, { ipv4: '127.0.0.1' }, cookie),
  ]
  for (const { text } of failed)
    assert.match(text, /are kept until [^<]*give the address that you have today\.</)
})

test('its owner deletes it without waking it', async () => {
  const deleted = await world.ask(`${TUNNELS}/${given.id}`, { method: 'DELETE', headers: bearer() })
  assert.equal(deleted.status, 204)
  assert.ok(!isDormant())
  assert.equal(world.broker.table.byId(given.id), undefined)
})

test('the operator finds it in the list, sees it, and deletes it', async () => {
  const { operator } = world.broker
  const first = operator.list('', 10, { state: 'dormant' })
  const rest = operator.list(first.next ?? '', 10, { state: 'dormant' })
  assert.deepEqual(
    [...first.tunnels, ...rest.tunnels].map(({ id, state }) => [id, state]),
    [[given.id, 'dormant']],
  )
  assert.equal(rest.next, null)
  const shown = operator.show(given.name)
  assert.ok(shown.kind === 'done' && shown.value.until !== undefined)
  assert.equal((await operator.delete(given.id)).kind, 'done')
  assert.equal(operator.show(given.name).kind, 'refused')
})
