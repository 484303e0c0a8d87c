import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, GOOD, LAB, PortalWorld } from './portal-world.ts'

const HTML = { accept: 'text/html' }
const FIRST = { ...GOOD, nicname: 'first' }
const SECOND = { ...GOOD, ipv4: '192.0.2.78', nicname: 'second' }

/** A browser that has registered two tunnels. */
async function withTwo(world: PortalWorld) {
  const one = cookieIn(await world.post('/register', FIRST))
  const both = cookieIn(await world.post('/register', SECOND, one))
  const ids = [FIRST, SECOND].map(({ ipv4 }) => world.broker.table.idByEndpoint(ipv4) ?? '')
  return { headers: { ...HTML, ...both }, ids }
}

test('a browser is signed in to all the tunnels that it has opened, and finds them in one list', async () => {
  await using world = await PortalWorld.open()
  const { headers, ids } = await withTwo(world)
  const { text } = await world.ask('/tunnels', { headers })
  assert.match(text, /<h1>My tunnels<\/h1>/)
  for (const [at, name] of ['first', 'second'].entries()) {
    assert.ok(text.includes(`<a href="/tunnels/${ids[at]}">${name}.ca.freenet6.net</a>`), name)
    const page = await world.ask(`/tunnels/${ids[at]}`, { headers })
    assert.match(page.text, new RegExp(`<h1 class="name">${name}\\.`))
  }
  assert.match((await world.ask('/tunnels', { headers: HTML })).text, /<h1>Open your tunnel<\/h1>/)
})

test('a tunnel that is deleted leaves the list, and the others stay', async () => {
  await using world = await PortalWorld.open()
  const { headers, ids } = await withTwo(world)
  await world.post(`/tunnels/${ids[0]}/delete`, { sure: 'yes' }, headers)
  const { text } = await world.ask('/tunnels', { headers })
  assert.doesNotMatch(text, /first\.ca/)
  assert.match(text, /second\.ca/)
})

test('signing out ends all sessions of the browser, also for who has copied its cookie', async () => {
  await using world = await PortalWorld.open()
  const { headers, ids } = await withTwo(world)
  const answer = await world.post('/sign-out', {}, headers)
  assert.deepEqual([answer.status, answer.headers.location], [303, '/tunnels'])
  assert.match(String(answer.headers['set-cookie']), /^freenet6=; path=\/; expires=/)
  for (const id of ids)
    assert.match((await world.ask(`/tunnels/${id}`, { headers })).text, /<h1>Open your tunnel<\/h1>/)
})

test('another site can’t sign anybody out', async () => {
  await using world = await PortalWorld.open()
  const { headers, ids } = await withTwo(world)
  const foreign = await world.post('/sign-out', {}, { ...headers, 'sec-fetch-site': 'cross-site' })
  assert.equal(foreign.status, 403)
  assert.match((await world.ask(`/tunnels/${ids[0]}`, { headers })).text, /<h1 class="name">first/)
})

test('a ninth tunnel pushes the first one out of the browser', async () => {
  await using world = await PortalWorld.open()
  let cookie = {}
  for (let i = 0; i < 9; i++)
    cookie = cookieIn(
      await world.post('/register', { ...GOOD, ipv4: `203.0.113.${i}`, nicname: `n${i}` }, cookie),
    )
  const { text } = await world.ask('/tunnels', { headers: { ...HTML, ...cookie } })
  assert.equal(text.match(/class="state active"/g)?.length, 8)
  assert.doesNotMatch(text, /n0\.ca/)
})

test('an endpoint that was typed before the session ended is there again after signing in', async () => {
  await using world = await PortalWorld.open()
  const { id, key } = await world.register()
  const late = await world.post(`/tunnels/${id}/endpoint`, { ipv4: '198.51.100.9' })
  assert.equal(late.status, 401)
  assert.match(late.text, /<input type="hidden" name="ipv4" value="198\.51\.100\.9">/)
  const opened = await world.post('/tunnels', { reference: id, key, ipv4: '198.51.100.9' })
  const page = await world.ask(String(opened.headers.location), { headers: { ...HTML, ...cookieIn(opened) } })
  assert.match(page.text, /name="ipv4" value="198\.51\.100\.9"/)
  assert.equal(world.broker.table.byId(id)?.ipv4Client, GOOD.ipv4, 'nothing was moved')
})

for (const [form, typed, page] of [
  ['mtu', { mtu: '1400' }, ''],
  ['email', { email: 'alice@example.org', webhook: 'https://ntfy.sh/alice' }, '/email'],
] as const)
  test(`what was typed into ${form} before the session ended is there again after signing in`, async () => {
    await using world = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
    const { id, key } = await world.register()
    const late = await world.post(`/tunnels/${id}/${form}`, typed)
    assert.equal(late.status, 401)
    assert.match(late.text, /What you typed is kept/)
    for (const [name, value] of Object.entries(typed))
      assert.ok(late.text.includes(`<input type="hidden" name="${name}" value="${value}">`), name)
    const wrong = await world.post('/tunnels', { reference: id, key: 'wrong', ...typed })
    assert.match(wrong.text, /<input type="hidden"/)
    const opened = await world.post('/tunnels', { reference: id, key, ...typed })
    const location = String(opened.headers.location)
    assert.match(location, new RegExp(`^/tunnels/${id}${page}\\?first=`))
    const headers = { ...HTML, ...cookieIn(opened) }
    const again = await world.ask(location, { headers })
    assert.equal(again.status, 200)
    for (const value of Object.values(typed)) assert.ok(again.text.includes(`value="${value}"`), value)
    const later = await world.ask(location, { headers })
    for (const value of Object.values(typed)) assert.ok(!later.text.includes(`value="${value}"`), 'once')
    assert.equal(world.broker.table.byId(id)?.mtu, undefined, 'nothing was changed')
    assert.equal(world.broker.table.contactOf(id), undefined, 'nothing was kept')
  })

test('what was typed waits too while too many wrong keys keep its owner out', async () => {
  await using world = await PortalWorld.open()
  const { id, key } = await world.register()
  for (let n = 0; n < 20; n++) await world.post('/tunnels', { reference: id, key: 'wrong' })
  const late = await world.post('/tunnels', { reference: id, key, ipv4: '198.51.100.9' })
  assert.equal(late.status, 429)
  assert.ok(Number(late.headers['retry-after']) > 0)
  assert.match(late.text, /What you typed is kept/)
  assert.match(late.text, /<input type="hidden" name="ipv4" value="198\.51\.100\.9">/)
})

test('an address that was to be taken away is an empty field after signing in', async () => {
  await using world = await PortalWorld.open()
  const { id, key } = await world.register()
  const signedIn = cookieIn(await world.post('/tunnels', { reference: id, key }))
  await world.post(`/tunnels/${id}/email`, { email: 'alice@example.org' }, signedIn)
  assert.match((await world.post(`/tunnels/${id}/email`, { email: '' })).text, /name="email" value=""/)
  const opened = await world.post('/tunnels', { reference: id, key, email: '' })
  const page = await world.ask(String(opened.headers.location), { headers: { ...HTML, ...cookieIn(opened) } })
  assert.match(page.text, /name="email" type="email" value=""/)
})

test('a new public key that was typed before the session ended is there again after signing in', async () => {
  await using world = await PortalWorld.open()
  const [before, typed] = [newPublicKey(), newPublicKey()]
  const { nicname, country, os } = GOOD
  const registration = { kind: 'wireguard', public_key: before, nicname, country, os }
  const { id, key } = JSON.parse((await world.askJson('/api/v1/tunnels', 'POST', registration)).text)
  const late = await world.post(`/tunnels/${id}/public-key`, { public_key: typed })
  assert.deepEqual([late.status, /name="public_key" value="/.test(late.text)], [401, true])
  const opened = await world.post('/tunnels', { reference: id, key, public_key: typed })
  const page = await world.ask(String(opened.headers.location), { headers: { ...HTML, ...cookieIn(opened) } })
  assert.ok(page.text.replaceAll('&#x3D;', '=').includes(`name="public_key" value="${typed}"`))
})

test('the address of a form’s sending, opened by hand, leads a person back to the form', async () => {
  await using world = await PortalWorld.open(LAB)
  for (const [path, form] of [
    ['/register', '/'],
    ['/sign-out', '/tunnels'],
    ['/tunnels/aaaaaaaaaaaa/endpoint', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/key', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/delete', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/mtu', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/public-key', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/routed-prefix', '/tunnels/aaaaaaaaaaaa'],
    ['/tunnels/aaaaaaaaaaaa/routed-prefix/return', '/tunnels/aaaaaaaaaaaa'],
    ['/recover/mail', '/recover'],
  ] as const) {
    const answer = await world.ask(path, { headers: HTML })
    assert.deepEqual([answer.status, answer.headers.location], [303, form], path)
    const program = await world.ask(path, { headers: { accept: 'application/json' } })
    assert.equal(program.status, 405, 'a program is told the methods')
  }
})

test('a key opens nothing but its own tunnel, whatever the browser is signed in to', async () => {
  await using world = await PortalWorld.open()
  const { headers } = await withTwo(world)
  const third = await world.register({ ipv4: '192.0.2.79', nicname: 'third' })
  const page = await world.ask(`/tunnels/${third.id}`, { headers })
  assert.match(page.text, /<h1>Open your tunnel<\/h1>/)
  const api = await world.ask(`/api/v1/tunnels/${third.id}`, { headers: bearer(third.key) })
  assert.equal(api.status, 200)
})
