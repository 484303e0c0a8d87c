/** Requests whose bodies come late: what opened them may be void by then. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bearer, cookieIn, type Given, PortalWorld } from './portal-world.ts'

const FORM = {
  'content-type': 'application/x-www-form-urlencoded',
  'sec-fetch-site': 'same-origin',
  accept: 'text/html',
}
/** Time for a head to be read. */
const READ_MS = 100
const ENDPOINT = '192.0.2.77'

let world: PortalWorld
let given: Given
let session: { readonly cookie: string }

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register({ ipv4: ENDPOINT })
  session = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
})
afterEach(() => world[Symbol.asyncDispose]())

/** Sends a request's head; its body when what is returned is called, which resolves with the reply's status. */
async function hold(
  request: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<() => Promise<number>> {
  const { hostname, port, host } = new URL(world.url)
  const socket = connect(Number(port), hostname)
  let heard = ''
  socket.setEncoding('utf8').on('data', text => {
    heard += text
  })
  const all = { host, connection: 'close', 'content-length': String(body.length), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${request} HTTP/1.1\r\n${lines.join('')}\r\n`)
  await sleep(READ_MS)
  return async () => {
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.write(body)
    await closed
    return Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1])
  }
}

/** The owner's new key: who was signed in with the former one is signed out. */
async function renew(): Promise<string> {
  const path = `/api/v1/tunnels/${given.id}`
  const { key } = JSON.parse((await world.askJson(`${path}/key`, 'POST', {}, bearer(given.key))).text)
  assert.equal((await world.ask(path, { headers: bearer(key) })).status, 200)
  return key
}

test('a form for a new key that was begun before the owner’s new key gives none', async () => {
  const finish = await hold(`POST /tunnels/${given.id}/key`, { ...FORM, ...session }, 'sure=yes')
  const key = await renew()
  assert.equal(await finish(), 401)
  assert.ok(world.broker.table.keyMatches(given.id, key))
})

test('a form that deletes, begun before the owner’s new key, deletes nothing', async () => {
  const finish = await hold(`POST /tunnels/${given.id}/delete`, { ...FORM, ...session }, 'sure=yes')
  await renew()
  assert.equal(await finish(), 401)
  assert.ok(world.broker.table.byId(given.id))
})

test('nor does one that was begun before its visitor signed out', async () => {
  const finish = await hold(`POST /tunnels/${given.id}/delete`, { ...FORM, ...session }, 'sure=yes')
  await world.post('/sign-out', {}, session)
  assert.equal(await finish(), 401)
  assert.ok(world.broker.table.byId(given.id))
})

test('a change by the API with a key that becomes void meanwhile changes nothing', async () => {
  const headers = { 'content-type': 'application/json', ...bearer(given.key) }
  const finish = await hold(`PATCH /api/v1/tunnels/${given.id}`, headers, '{"ipv4":"192.0.2.99"}')
  await renew()
  assert.equal(await finish(), 401)
  assert.equal(world.broker.table.byId(given.id)?.ipv4Client, ENDPOINT)
})
