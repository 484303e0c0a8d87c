import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { FakeKernel } from '../lifecycle/world.ts'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, type Given, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

let world: PortalWorld
let kernel: FakeKernel
let given: Given

beforeEach(async () => {
  kernel = new FakeKernel()
  world = await PortalWorld.open(LAB, { kernel })
  given = await world.register()
})
afterEach(() => world[Symbol.asyncDispose]())

function change(mtu: unknown) {
  return world.askJson(`${TUNNELS}/${given.id}`, 'PATCH', { mtu }, bearer(given.key))
}

/** What row and kernel have. */
function standing() {
  const { device = '', mtu } = world.broker.table.byId(given.id) ?? {}
  return [mtu, kernel.links.get(device)?.mtu]
}

test('an owner takes smaller packets: API, script and kernel say so, and back again', async () => {
  const changed = await change(1300)
  assert.deepEqual([changed.status, JSON.parse(changed.text).mtu], [200, 1300])
  assert.deepEqual(standing(), [1300, 1300])
  const script = await world.ask(`${TUNNELS}/${given.id}/script?os=linux`)
  assert.match(script.text, /mtu=1300\b/)
  assert.equal((await change(1300)).status, 200)
  assert.equal(JSON.parse((await change(null)).text).mtu, 1480)
  assert.deepEqual(standing(), [undefined, undefined])
})

test('who has moved too often may still ask for the MTU that the tunnel has', async () => {
  for (let move = 0; move < 60; move++) assert.equal((await change(1300 + move)).status, 200)
  assert.equal((await change(1400)).status, 429)
  assert.equal((await change(1359)).status, 200)
})

for (const wrong of [1279, 1481, 1300.5, '1300', true, {}, -1]) {
  test(`${JSON.stringify(wrong)} is no MTU that the tunnel can have`, async () => {
    assert.equal(problemIn(await change(wrong)).code, 'mtu-range')
    const registration = { ...GOOD, ipv4: '192.0.2.9', nicname: 'other', mtu: wrong }
    assert.equal(problemIn(await world.askJson(TUNNELS, 'POST', registration)).code, 'mtu-range')
    assert.deepEqual(standing(), [undefined, undefined])
  })
}

test('a tunnel is registered with one, sleeps and wakes with it', async () => {
  const answer = await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4: '192.0.2.9', nicname: 'b', mtu: 1280 })
  assert.equal(answer.status, 201, answer.text)
  const small = JSON.parse(answer.text)
  assert.equal(small.mtu, 1280)
  await world.broker.lifecycle.recordRound({ answered: [small.id], silent: [] })
  for (let round = 0; round < 6; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [small.id] })
  assert.equal(world.broker.table.dormant.byId(small.id)?.mtu, 1280)
  const woken = await world.ask(`${TUNNELS}/${small.id}`, { headers: bearer(small.key) })
  assert.equal(JSON.parse(woken.text).mtu, 1280)
  assert.equal(world.broker.table.byId(small.id)?.mtu, 1280)
})

test('what the kernel refuses is undone, and it comes alone', async () => {
  const { device = '' } = world.broker.table.byId(given.id) ?? {}
  kernel.refusing.set(device, 'no room')
  assert.equal(problemIn(await change(1300)).code, 'interface-fault')
  assert.deepEqual(standing(), [undefined, undefined])
  const both = await world.askJson(
    `${TUNNELS}/${given.id}`,
    'PATCH',
    { mtu: 1300, ipv4: '192.0.2.5' },
    bearer(given.key),
  )
  assert.equal(problemIn(both).code, 'one-change')
})

test('the page has a field for it; a click that comes twice changes nothing more', async () => {
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const set = (mtu: string) => world.post(`/tunnels/${given.id}/mtu`, { mtu }, cookie)
  for (const times of [1, 2]) assert.equal((await set('1400')).status, 303, `click ${times}`)
  assert.deepEqual(standing(), [1400, 1400])
  const { text } = await world.ask(`/tunnels/${given.id}`, { headers: cookie })
  assert.match(text, /name="mtu" type="number" min="1280" max="1480" value="1400"/)
  assert.match(
    text,
    /<h2 id="mtu-title">[^<]*<\/h2>\s*<p class="done" role="status"><strong>Done\.<\/strong> [^<]* 1400 octets/,
  )
  assert.equal((await set('many')).status, 400)
  assert.equal((await set('')).status, 303)
  assert.deepEqual(standing(), [undefined, undefined])
  assert.equal((await world.post(`/tunnels/${given.id}/mtu`, { mtu: '1300' })).status, 401)
})

test('a number that is none is shown again in the form, with what is wrong with it', async () => {
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const { status, text } = await world.post(`/tunnels/${given.id}/mtu`, { mtu: '1500' }, cookie)
  assert.equal(status, 400)
  assert.match(
    text,
    /The tunnel is as it was\. Please correct:[\s\S]*href="#mtu"[^<]*<\/a> <small>\(mtu-range\)/,
  )
  assert.match(text, /name="mtu" [^>]*value="1500" aria-invalid="true" aria-describedby="mtu-problem">/)
})

test('page and documentation send the owner for a new script: the saved one has the old number', async () => {
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const { text } = await world.ask(`/tunnels/${given.id}`, { headers: cookie })
  assert.match(text, /Fetch the script \(or the configuration\) anew/)
  const documentation = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
  assert.doesNotMatch(`${text}${documentation}`, /Run the script again/)
})

test('WireGuard has a range of its own', async () => {
  await using plain = await PortalWorld.open()
  const ask = (nicname: string, mtu: number) =>
    plain.askJson(TUNNELS, 'POST', {
      kind: 'wireguard',
      public_key: newPublicKey(),
      nicname,
      country: 'ca',
      os: 'linux',
      mtu,
    })
  assert.equal(problemIn(await ask('large', 1421)).code, 'mtu-range')
  assert.equal(JSON.parse((await ask('small', 1300)).text).mtu, 1300)
})
