import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, type Given, LAB, PortalWorld, problemIn } from './portal-world.ts'

const SIT_ALONE = LAB.replace('[tunnel]', '[tunnel]\nkinds = ["sit"]')

let world: PortalWorld
let given: Given
let cookie: ReturnType<typeof cookieIn>

/** A WireGuard tunnel of the days when the kind was offered. */
beforeEach(async () => {
  world = await PortalWorld.open(SIT_ALONE)
  given = await world.register({ ipv4: '127.0.0.1' })
  cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const shell = new DatabaseSync(world.databaseFile)
  const details = JSON.stringify({ publicKey: newPublicKey() })
  shell.exec(`UPDATE tunnels SET kind = 'wireguard', IPv4client = NULL, details = '${details}'`)
  shell.close()
  await world.broker.audit.run()
})

afterEach(() => world[Symbol.asyncDispose]())

test('the API says that the kind is switched off, and that the tunnel is kept', async () => {
  const reply = await world.ask(`/api/v1/tunnels/${given.id}`, { headers: bearer(given.key) })
  assert.deepEqual([reply.status, problemIn(reply).code], [503, 'tunnel-unoffered'])
  assert.match(problemIn(reply).detail ?? '', /kind wireguard.*addresses, name and key are kept/)
  assert.equal(reply.headers['retry-after'], '3600')
})

test('an update client is told 911, and goes on asking', async () => {
  const authorization = `Basic ${Buffer.from(`${given.id}:${given.key}`).toString('base64')}`
  const reply = await world.ask(`/nic/update?hostname=${given.id}`, { headers: { authorization } })
  assert.deepEqual([reply.status, reply.text], [503, '911\n'])
})

test('its owner’s page says so, signed in and with the key, in both languages', async () => {
  const signedIn = await world.post('/tunnels', { reference: given.name, key: given.key })
  assert.deepEqual([signedIn.status, signedIn.headers.location], [303, `/tunnels/${given.id}`])
  for (const headers of [cookie, cookieIn(signedIn)]) {
    const page = await world.ask(`/tunnels/${given.id}`, { headers })
    assert.equal(page.status, 503)
    assert.match(page.text, /switched off all tunnels of the kind wireguard/)
    assert.match(page.text, new RegExp(given.name))
  }
  const french = { headers: { ...cookie, 'accept-language': 'fr' } }
  assert.match((await world.ask(`/tunnels/${given.id}`, french)).text, /a coupé tous les tunnels/)
})

test('it stands among its owner’s tunnels', async () => {
  const { text } = await world.ask('/tunnels', { headers: cookie })
  assert.match(text, new RegExp(`href="/tunnels/${given.id}">${given.name}</a> <span>Tunnels of this kind`))
})

test('its owner deletes it on its page, once sure', async () => {
  const path = `/tunnels/${given.id}/delete`
  const unsure = await world.post(path, {}, cookie)
  assert.match(unsure.text, /Tick this box first/)
  assert.equal(world.broker.table.countByState().unoffered, 1)
  for (let click = 1; click <= 2; click++) {
    const page = await world.post(path, { sure: 'yes' }, cookie)
    assert.equal(page.status, 200)
    assert.match(page.text, /The tunnel is gone/)
  }
  assert.equal(world.broker.table.countByState().unoffered, 0)
})

test('its owner deletes it with the key, and nobody without', async () => {
  const remove = (key: string) =>
    world.ask(`/api/v1/tunnels/${given.id}`, { method: 'DELETE', headers: bearer(key) })
  assert.equal((await remove('another')).status, 401)
  assert.equal(world.broker.table.countByState().unoffered, 1)
  assert.equal((await remove(given.key)).status, 204)
  assert.equal((await remove(given.key)).status, 204, 'the first reply was lost, perhaps')
  assert.equal(world.broker.table.countByState().unoffered, 0)
})

test('one that is suspended is for the operator to end', async () => {
  const shell = new DatabaseSync(world.databaseFile)
  shell.exec(`UPDATE tunnels SET kind = 'sit', IPv4client = '127.0.0.1', details = '{}'`)
  await world.broker.audit.run()
  await world.broker.lifecycle.suspend(given.id)
  const details = JSON.stringify({ publicKey: newPublicKey() })
  shell.exec(`UPDATE dormant SET kind = 'wireguard', IPv4client = NULL, details = '${details}'`)
  shell.close()
  await world.broker.audit.run()
  const reply = await world.ask(`/api/v1/tunnels/${given.id}`, {
    method: 'DELETE',
    headers: bearer(given.key),
  })
  assert.equal(problemIn(reply).code, 'suspended')
  const page = await world.ask(`/tunnels/${given.id}`, { headers: cookie })
  assert.doesNotMatch(page.text, /name="sure"/)
  assert.match((await world.post(`/tunnels/${given.id}/delete`, { sure: 'yes' }, cookie)).text, /suspended/)
})

test('the operator’s commands for it say so too', async () => {
  const renewal = await world.broker.operator.renewKey(given.name)
  assert.equal(renewal.kind === 'refused' && renewal.problems[0]?.code, 'tunnel-unoffered')
})
