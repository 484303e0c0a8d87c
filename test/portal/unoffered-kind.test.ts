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
  const asked = [
    await world.ask(`/tunnels/${given.id}`, { headers: cookie }),
    await world.post('/tunnels', { reference: given.name, key: given.key }),
  ]
  for (const page of asked) {
    assert.equal(page.status, 503)
    assert.match(page.text, /switched off all tunnels of the kind wireguard/)
  }
  const french = { headers: { ...cookie, 'accept-language': 'fr' } }
  assert.match((await world.ask(`/tunnels/${given.id}`, french)).text, /a coupé tous les tunnels/)
})

test('the operator’s commands for it say so too', async () => {
  const renewal = await world.broker.operator.renewKey(given.name)
  assert.equal(renewal.kind === 'refused' && renewal.problems[0]?.code, 'tunnel-unoffered')
})
