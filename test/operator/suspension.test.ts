import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, cookieIn, type Given, GOOD, PortalWorld, problemIn } from '../portal/portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register({ ipv4: '127.0.0.1' })
})

afterEach(() => world[Symbol.asyncDispose]())

async function suspend(): Promise<void> {
  assert.equal((await world.broker.operator.suspend(given.name)).kind, 'done')
}

function basic() {
  return { authorization: `Basic ${Buffer.from(`${given.id}:${given.key}`).toString('base64')}` }
}

function isNamed(): boolean {
  const { zone, catalog, table } = world.broker
  const tunnel = table.byId(given.id) ?? table.dormant.byId(given.id) ?? assert.fail()
  return zone.rrsetsOf(tunnel).some(({ owner, type }) => catalog.rrset(owner, type) !== undefined)
}

test('a suspended tunnel has no name, row or interface, and keeps its addresses, name and key', async () => {
  assert.ok(isNamed())
  await suspend()
  assert.ok(!isNamed())
  assert.equal(world.broker.table.byId(given.id), undefined)
  const shown = JSON.parse((await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer(given.key) })).text)
  assert.deepEqual([shown.state, shown.name, shown.until], ['suspended', given.name, undefined])
  assert.deepEqual(world.broker.table.countByState().suspended, 1)
  assert.deepEqual(
    world.broker.operator.list('~', 10, { state: 'suspended' }).tunnels.map(({ id }) => id),
    [given.id],
  )
})

test('nothing that its owner does brings it back, ends it, or gets another one for its address', async () => {
  await suspend()
  const headers = bearer(given.key)
  const self = `${TUNNELS}/${given.id}`
  for (const refusal of [
    await world.askJson(self, 'PATCH', { ipv4: '192.0.2.9' }, headers),
    await world.ask(self, { method: 'DELETE', headers }),
    await world.ask(`${self}/key`, { method: 'POST', headers }),
    await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4: '127.0.0.1' }),
    await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4: '127.0.0.1', nicname: 'other' }),
  ])
    assert.deepEqual([refusal.status, problemIn(refusal).code], [403, 'suspended'])
  const update = await world.ask(`/nic/update?hostname=${given.name}&myip=192.0.2.5`, { headers: basic() })
  assert.equal(update.text, 'abuse\n')
  const page = await world.ask(`/tunnels/${given.id}`, {
    headers: cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key })),
  })
  assert.match(page.text, /class="state suspended"[\s\S]*ask them why/)
  assert.ok(world.broker.table.dormant.byId(given.id)?.dormant.isSuspended)
})

test('it does not end by itself, and is back as it was when it is resumed', async () => {
  await suspend()
  assert.deepEqual(world.broker.table.dormant.endedBy(Number.MAX_SAFE_INTEGER, 10), [])
  const resumed = await world.broker.operator.resume(given.id)
  assert.ok(resumed.kind === 'done')
  assert.equal(resumed.value.ipv6_client, world.broker.operator.list('', 10, {}).tunnels[0]?.ipv6_client)
  assert.ok(isNamed())
  const shown = await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer(given.key) })
  assert.equal(JSON.parse(shown.text).state, 'active')
})

test('a dormant tunnel can be suspended, and the operator alone deletes it', async () => {
  for (let round = 0; round < 6; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  await suspend()
  assert.ok(world.broker.table.dormant.byId(given.id)?.dormant.isSuspended)
  assert.equal((await world.broker.operator.delete(given.id)).kind, 'done')
  assert.equal((await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4: '127.0.0.1' })).status, 201)
})

test('the operator gives a new key, which signs the old one’s browsers out, to a dormant tunnel too', async () => {
  const headers = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const renewed = await world.broker.operator.renewKey(given.name)
  assert.ok(renewed.kind === 'done')
  const page = await world.ask(`/tunnels/${given.id}`, { headers })
  assert.match(page.text, /<h1>Open your tunnel<\/h1>/)
  assert.equal((await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer(given.key) })).status, 401)
  await suspend()
  const again = await world.broker.operator.renewKey(given.name)
  assert.ok(again.kind === 'done')
  assert.ok(world.broker.table.keyMatches(given.id, again.value.key))
  assert.ok(!world.broker.table.keyMatches(given.id, renewed.value.key))
})

test('a note stays with its tunnel while it sleeps, and goes with it', async () => {
  const noteOf = () => {
    const shown = world.broker.operator.show(given.name)
    return shown.kind === 'done' ? shown.value.note : assert.fail()
  }
  assert.equal(noteOf(), undefined)
  assert.equal(
    (await world.broker.operator.changes.note(given.name, ' complained of on 3 March ')).kind,
    'done',
  )
  assert.equal(noteOf(), 'complained of on 3 March')
  await suspend()
  assert.equal(noteOf(), 'complained of on 3 March')
  await world.broker.operator.resume(given.id)
  assert.equal(noteOf(), 'complained of on 3 March')
  await world.broker.operator.changes.note(given.name, '')
  assert.equal(noteOf(), undefined)
  await world.broker.operator.changes.note(given.name, 'again')
  await world.broker.operator.delete(given.id)
  assert.equal(world.broker.table.noteOf(given.id), undefined)
})

test('what is no tunnel can’t be suspended, resumed, noted or given a key', async () => {
  const { operator } = world.broker
  for (const outcome of [
    await operator.suspend('nobody.ca'),
    await operator.resume('nobody.ca'),
    await operator.changes.note('nobody.ca', 'x'),
    await operator.renewKey('nobody.ca'),
  ])
    assert.equal(outcome.kind, 'refused')
})
