import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, cookieIn, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

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

/** A tunnel without one, and what changes it. */
async function plainTunnel(at = world) {
  const given = await at.register()
  const headers = bearer(given.key)
  const path = `${TUNNELS}/${given.id}`
  return { given, change: (body: object) => at.askJson(path, 'PATCH', body, headers) }
}

test('a tunnel that is there asks for a prefix, keeps it when it asks again, and gives it back', async () => {
  const { change } = await plainTunnel()
  assert.equal(prefixOf(await change({ routed_prefix: true })), '2001:db8:8000::/56')
  assert.equal(prefixOf(await change({ routed_prefix: true })), '2001:db8:8000::/56')
  for (const times of [1, 2]) {
    const back = await change({ routed_prefix: false })
    assert.deepEqual([back.status, prefixOf(back)], [200, undefined], `time ${times}`)
  }
  assert.equal(prefixOf(await change({ routed_prefix: true })), '2001:db8:8000:100::/56')
  await change({ routed_prefix: false })
  const full = await change({ routed_prefix: true })
  assert.deepEqual([full.status, problemIn(full).code], [503, 'routed-prefixes-full'])
})

test('it is true or false, comes alone, and only where there are any', async () => {
  const { change } = await plainTunnel()
  assert.equal(problemIn(await change({ routed_prefix: '/60' })).code, 'routed-prefix-syntax')
  const both = await change({ routed_prefix: true, ipv4: '192.0.2.9' })
  assert.deepEqual([both.status, problemIn(both).code], [400, 'one-change'])
  await using plain = await PortalWorld.open()
  const { change: changePlain } = await plainTunnel(plain)
  assert.equal(problemIn(await changePlain({ routed_prefix: true })).code, 'routed-prefix-none')
  assert.equal((await changePlain({ routed_prefix: false })).status, 200)
})

test('a dormant tunnel comes back when its owner asks; a suspended one is given none', async () => {
  const { given, change } = await plainTunnel()
  for (let round = 0; round < ROUNDS; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [given.id] })
  const woken = await change({ routed_prefix: true })
  assert.deepEqual([JSON.parse(woken.text).state, prefixOf(woken)], ['active', '2001:db8:8000::/56'])
  await world.broker.operator.suspend(given.id)
  assert.equal(problemIn(await change({ routed_prefix: false })).code, 'suspended')
})

test('nobody exhausts the pool by giving and taking: a tunnel changes so often in an hour', async () => {
  await using roomy = await PortalWorld.open(
    LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:8000::/40"'),
  )
  const { change } = await plainTunnel(roomy)
  let times = 0
  for (let answer = await change({ routed_prefix: true }); answer.status === 200; times++)
    answer = await change({ routed_prefix: times % 2 === 1 })
  assert.equal(problemIn(await change({ routed_prefix: true })).code, 'too-many-requests')
  assert.ok(times <= 100, `${times} changes`)
})

test('the page has a button for it, and one with a box for the way back', async () => {
  const { given } = await plainTunnel()
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const at = `/tunnels/${given.id}`
  const page = () => world.ask(at, { headers: cookie })
  assert.match((await page()).text, /Route a \/56 to this tunnel/)
  for (const times of [1, 2]) {
    const given_ = await world.post(`${at}/routed-prefix`, {}, cookie)
    assert.deepEqual([given_.status, given_.headers.location], [303, `${at}#routed-title`], `click ${times}`)
  }
  assert.match((await page()).text, /Done\.<\/strong> <code>2001:db8:8000::\/56<\/code> is routed to/)
  const unsure = await world.post(`${at}/routed-prefix/return`, {}, cookie)
  assert.equal(unsure.status, 400)
  assert.match(unsure.text, /Nothing was changed/)
  assert.equal((await world.post(`${at}/routed-prefix/return`, { sure: 'yes' }, cookie)).status, 303)
  assert.match(
    (await page()).text,
    /<p class="done" role="status"><strong>Done\.<\/strong> The prefix is given back\..*Route a \/56 to this tunnel/s,
  )
  assert.equal((await world.post(`${at}/routed-prefix`, {})).status, 401)
})

test('the operator gives and takes one too, without waking anybody', async () => {
  const { given } = await plainTunnel()
  const { operator } = world.broker
  await operator.suspend(given.id)
  const shown = await operator.changes.routed(given.name, true)
  assert.ok(shown.kind === 'done')
  assert.deepEqual([shown.value.state, shown.value.routed_prefix], ['suspended', '2001:db8:8000::/56'])
  const back = await operator.changes.routed(given.name, false)
  assert.ok(back.kind === 'done')
  assert.equal(back.value.routed_prefix, undefined)
})

test('the API links to what a router does with it, and the script says where that stands', async () => {
  const { given, change } = await plainTunnel()
  const none = await world.ask(`${TUNNELS}/${given.id}/router`)
  assert.deepEqual([none.status, problemIn(none).code], [404, 'not-found'])
  assert.equal('router' in given.links, false)
  const { links } = JSON.parse((await change({ routed_prefix: true })).text)
  const lines = await world.ask(links.router.slice(world.url.length))
  assert.deepEqual([lines.status, lines.headers['content-type']], [200, 'text/plain; charset=utf-8'])
  for (const words of ['radvd', 'dnsmasq', 'systemd-networkd', 'OpenWrt', '2001:db8:8000::/64'])
    assert.ok(lines.text.includes(words), words)
  const script = (os: string) => world.ask(`${TUNNELS}/${given.id}/script?os=${os}`)
  for (const os of ['linux', 'freebsd', 'windows', 'mikrotik', 'cisco-ios'])
    assert.ok((await script(os)).text.includes(links.router), os)
  assert.match(
    (await script('openwrt')).text,
    /uci add_list "network.\$interface.ip6prefix=2001:db8:8000::\/56"/,
  )
  await change({ routed_prefix: false })
  assert.doesNotMatch((await script('openwrt')).text, /ip6prefix|\/router/)
})
