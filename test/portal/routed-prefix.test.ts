import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'
/** Room for two. */
const ROUTED = LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:8000::/55"')
const ROUNDS = 6

let world: PortalWorld

beforeEach(async () => {
  world = await PortalWorld.open(ROUTED)
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

let number = 10

async function ask(wish: Readonly<Record<string, unknown>> = { routed_prefix: true }) {
  number++
  const body = { ...GOOD, ipv4: `192.0.2.${number}`, nicname: `host${number}`, ...wish }
  return world.askJson(TUNNELS, 'POST', body)
}

function prefixOf(answer: { readonly text: string }): string | undefined {
  return JSON.parse(answer.text).routed_prefix
}

test('who asks for a prefix gets one that nobody else has, and who does not gets none', async () => {
  assert.equal(prefixOf(await ask()), '2001:db8:8000::/56')
  assert.equal(prefixOf(await ask({})), undefined)
  assert.equal(prefixOf(await ask({ routed_prefix: false })), undefined)
  assert.equal(prefixOf(await ask()), '2001:db8:8000:100::/56')
})

test('when all are given out who asks for one is told so, and another tunnel is made', async () => {
  await ask()
  await ask()
  const full = await ask()
  assert.deepEqual([full.status, problemIn(full).code], [503, 'routed-prefixes-full'])
  assert.equal((await ask({})).status, 201)
})

test('one that is given back rests before it goes to somebody else', async () => {
  const first = JSON.parse((await ask()).text)
  const deletion = await world.ask(`${TUNNELS}/${first.id}`, { method: 'DELETE', headers: bearer(first.key) })
  assert.equal(deletion.status, 204)
  assert.equal(prefixOf(await ask()), '2001:db8:8000:100::/56')
  assert.equal((await ask()).status, 503)
})

test('a dormant tunnel keeps its prefix, and comes back with it', async () => {
  const first = JSON.parse((await ask()).text)
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [first.id] })
  assert.ok(world.broker.table.dormant.byId(first.id)?.routedPrefix)
  assert.equal(prefixOf(await ask()), '2001:db8:8000:100::/56')
  const shown = await world.ask(`${TUNNELS}/${first.id}`, { headers: bearer(first.key) })
  assert.equal(prefixOf(shown), '2001:db8:8000::/56')
})

test('the form has a box for it, and the page says what a router does with it', async () => {
  assert.match((await world.ask('/register/linux')).text, /name="routed_prefix"[^>]*> Route a \/56/)
  const headers = { accept: 'text/html', origin: world.url }
  const form = { ...GOOD, routed_prefix: 'yes' }
  const reply = await world.post('/register', form, headers)
  assert.equal(reply.status, 303)
  const page = await world.ask(String(reply.headers.location))
  assert.match(page.text, /<code>2001:db8:8000::\/56<\/code> is routed to/)
  for (const words of ['radvd', 'dnsmasq', 'systemd-networkd', 'OpenWrt'])
    assert.ok(page.text.includes(words))
})

test('a wish that is neither true nor false is refused', async () => {
  assert.equal(problemIn(await ask({ routed_prefix: '2001:db8:1::/56' })).code, 'routed-prefix-syntax')
})

test('where none are handed out there is no box, and a wish is refused', async () => {
  await using plain = await PortalWorld.open()
  assert.doesNotMatch((await plain.ask('/register/linux')).text, /routed_prefix/)
  const answer = await plain.askJson(TUNNELS, 'POST', { ...GOOD, routed_prefix: true })
  assert.equal(problemIn(answer).code, 'routed-prefix-none')
})
