import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { KEY, listenTo } from './keys-and-letters.ts'
import { bearer, cookieIn, type Given, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const PROXIED = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
const HTML = { accept: 'text/html' }

type Addressed = Given & { readonly ipv6_client: string; readonly ipv6_server: string }

function from(address: string): Readonly<Record<string, string>> {
  return { 'x-forwarded-for': address }
}

suite('a new key', () => {
  test('through the API makes the old one void', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const path = `/api/v1/tunnels/${id}`
    assert.equal(
      (await world.ask(`${path}/key`, { method: 'POST', headers: bearer('0'.repeat(32)) })).status,
      401,
    )
    const answer = await world.ask(`${path}/key`, { method: 'POST', headers: bearer(key) })
    const renewed = JSON.parse(answer.text) as { readonly key: string }
    assert.deepEqual([answer.status, Object.keys(renewed)], [200, ['key']])
    assert.match(renewed.key, /^[0-9a-f]{32}$/)
    assert.equal((await world.ask(path, { headers: bearer(key) })).status, 401)
    assert.equal((await world.ask(path, { headers: bearer(renewed.key) })).status, 200)
  })

  test('on the page wants the tick, is shown once, can be saved without a script, and signs others out', async () => {
    await using world = await PortalWorld.open()
    const { id, key, name } = await world.register()
    const mine = cookieIn(await world.post('/tunnels', { reference: id, key }))
    const other = cookieIn(await world.post('/tunnels', { reference: id, key }))
    assert.equal((await world.post(`/tunnels/${id}/key`, { sure: 'yes' })).status, 401)
    const unsure = await world.post(`/tunnels/${id}/key`, {}, mine)
    assert.equal(unsure.status, 400)
    assert.match(unsure.text, /<strong>The key is as it was\.<\/strong> <a href="#sure-key">/)
    assert.ok(world.broker.table.keyMatches(id, key))
    const answer = await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine)
    assert.equal(answer.status, 303)
    const page = await world.ask(String(answer.headers.location), { headers: cookieIn(answer) })
    const fresh = KEY.exec(page.text)?.[1] ?? assert.fail(page.text)
    assert.ok(world.broker.table.keyMatches(id, fresh))
    const file = /href="data:text\/plain;charset(?:=|&#x3D;)utf-8,([^"]*)" download="freenet6-key\.txt"/.exec(
      page.text,
    )
    const saved = decodeURIComponent(file?.[1] ?? '')
    for (const part of [id, name, fresh, `${world.url}/tunnels/${id}`]) assert.ok(saved.includes(part), saved)
    assert.doesNotMatch(
      (await world.ask(String(answer.headers.location), { headers: cookieIn(answer) })).text,
      KEY,
    )
    assert.match((await world.ask(`/tunnels/${id}`, { headers: other })).text, /<h1>Open your tunnel<\/h1>/)
  })

  test('shows the old one to nobody who has not seen it yet', async () => {
    await using world = await PortalWorld.open()
    const lost = await world.post('/register', GOOD)
    const id = world.broker.table.idByEndpoint(GOOD.ipv4) ?? ''
    await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, cookieIn(lost))
    assert.doesNotMatch(
      (await world.ask(String(lost.headers.location), { headers: cookieIn(lost) })).text,
      KEY,
    )
  })

  test('is the one that is shown after a double click, although the first one signs the browser out', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const mine = cookieIn(await world.post('/tunnels', { reference: id, key }))
    await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine) // the browser drops this reply for the next
    const second = await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine)
    assert.equal(second.status, 303)
    const page = await world.ask(String(second.headers.location), { headers: cookieIn(second) })
    const fresh = KEY.exec(page.text)?.[1] ?? assert.fail(page.text)
    assert.ok(world.broker.table.keyMatches(id, fresh))
    assert.equal((await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine)).status, 401)
  })

  test('waits for the browser that asked for it and never got the reply, and for no other', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const mine = cookieIn(await world.post('/tunnels', { reference: id, key }))
    const other = cookieIn(await world.post('/tunnels', { reference: id, key }))
    await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine)
    for (const cookie of [other, {}]) {
      const page = await world.ask(`/tunnels/${id}`, { headers: cookie })
      assert.match(page.text, /<h1>Open your tunnel<\/h1>/)
      assert.equal((await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, cookie)).status, 401)
    }
    const back = await world.ask(`/tunnels/${id}`, { headers: mine })
    assert.equal(back.status, 303)
    const page = await world.ask(String(back.headers.location), { headers: cookieIn(back) })
    assert.ok(world.broker.table.keyMatches(id, KEY.exec(page.text)?.[1] ?? assert.fail(page.text)))
  })

  test('through the API is given again to the same Idempotency-Key and the old key, as long as it opens', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const renew = (headers: Readonly<Record<string, string>>) =>
      world.ask(`/api/v1/tunnels/${id}/key`, { method: 'POST', headers })
    const mine = { ...bearer(key), 'idempotency-key': 'once' }
    const first = await renew(mine)
    const again = await renew(mine)
    assert.deepEqual([again.status, again.text], [200, first.text])
    assert.equal((await renew({ 'idempotency-key': 'once' })).status, 401)
    assert.equal((await renew({ ...mine, ...bearer('0'.repeat(32)) })).status, 401)
    assert.equal((await renew({ ...mine, 'idempotency-key': 'other' })).status, 401)
    const { key: fresh } = JSON.parse(first.text) as Given
    assert.ok(world.broker.table.keyMatches(id, fresh))
    assert.equal((await renew(bearer(fresh))).status, 200)
    assert.equal((await renew(mine)).status, 401)
  })

  test('ends what is heard with the old one, and frees its places', { timeout: 20_000 }, async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const old = await Promise.all(Array.from({ length: 8 }, () => listenTo(world, id, bearer(key))))
    const renewal = await world.ask(`/api/v1/tunnels/${id}/key`, { method: 'POST', headers: bearer(key) })
    const fresh = (JSON.parse(renewal.text) as Given).key
    await listenTo(world, id, bearer(fresh))
    for (const { whole } of old) assert.doesNotMatch(await whole, /"gone"/)
    await assert.rejects(listenTo(world, id, bearer(key)), /401/)
  })

  test('leaves the page that asked for it free to listen again', { timeout: 20_000 }, async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const mine = cookieIn(await world.post('/tunnels', { reference: id, key }))
    const { whole } = await listenTo(world, id, mine)
    const renewed = cookieIn(await world.post(`/tunnels/${id}/key`, { sure: 'yes' }, mine))
    assert.doesNotMatch(await whole, /"gone"/) // after that a page does not come again
    await listenTo(world, id, renewed)
    await assert.rejects(listenTo(world, id, mine), /401/)
  })

  test('is given ten times an hour for a tunnel', async () => {
    await using world = await PortalWorld.open()
    let { id, key } = await world.register()
    const renew = () => world.ask(`/api/v1/tunnels/${id}/key`, { method: 'POST', headers: bearer(key) })
    for (let i = 0; i < 10; i++) key = (JSON.parse((await renew()).text) as Given).key
    assert.equal(problemIn(await renew()).code, 'too-many-requests')
    assert.ok(world.broker.table.keyMatches(id, key))
  })
})

suite('a lost key', () => {
  test('is replaced through the API for who comes from an address of the tunnel’s /64', async () => {
    await using world = await PortalWorld.open(PROXIED)
    const { id, key, name, ...given } = (await world.register()) as Addressed
    for (const address of [given.ipv6_client, given.ipv6_client.replace(/2$/, 'aaaa:bbbb:cccc:dddd')]) {
      const answer = await world.ask('/api/v1/recover', { method: 'POST', headers: from(address) })
      const recovered = JSON.parse(answer.text) as Given
      assert.deepEqual([answer.status, recovered.id, recovered.name], [200, id, name], answer.text)
      assert.ok(world.broker.table.keyMatches(id, recovered.key))
      assert.ok(!world.broker.table.keyMatches(id, key))
    }
  })

  test('is kept from everybody else: over IPv4, from our own end, from outside, and by a header that no proxy of ours sent', async () => {
    await using world = await PortalWorld.open(PROXIED)
    const { id, key, ...given } = (await world.register()) as Addressed
    for (const address of [GOOD.ipv4, given.ipv6_server, '2001:db8:f6:ffff::2', '2a00::2']) {
      const answer = await world.ask('/api/v1/recover', { method: 'POST', headers: from(address) })
      assert.deepEqual([answer.status, problemIn(answer).code], [403, 'not-from-tunnel'], address)
      assert.equal((await world.post('/recover', {}, { ...from(address) })).status, 403)
    }
    await using open = await PortalWorld.open()
    const other = (await open.register()) as Addressed
    const forged = await open.ask('/api/v1/recover', { method: 'POST', headers: from(other.ipv6_client) })
    assert.equal(forged.status, 403)
    assert.ok(world.broker.table.keyMatches(id, key))
    assert.ok(open.broker.table.keyMatches(other.id, other.key))
  })

  test('is replaced on the page, which says to others how to come', async () => {
    await using world = await PortalWorld.open(PROXIED)
    const { id, key, name, ...given } = (await world.register()) as Addressed
    const stranger = await world.ask('/recover', { headers: { ...HTML, ...from('198.51.100.1') } })
    assert.match(stranger.text, /curl -6 -X POST http:[^<]*\/api\/v1\/recover/)
    const page = await world.ask('/recover', { headers: { ...HTML, ...from(given.ipv6_client) } })
    assert.ok(page.text.includes(`<code>${name}</code>`))
    assert.ok(world.broker.table.keyMatches(id, key), 'a mere visit changes nothing')
    const answer = await world.post('/recover', {}, from(given.ipv6_client))
    const shown = await world.ask(String(answer.headers.location), { headers: cookieIn(answer) })
    assert.ok(world.broker.table.keyMatches(id, KEY.exec(shown.text)?.[1] ?? ''))
    assert.deepEqual(world.faults, [])
  })

  test('is kept from a page of another site', async () => {
    await using world = await PortalWorld.open(PROXIED)
    const given = (await world.register()) as Addressed
    for (const path of ['/recover', '/api/v1/recover']) {
      const headers = { ...from(given.ipv6_client), 'sec-fetch-site': 'cross-site' }
      assert.equal((await world.post(path, {}, headers)).status, 403)
    }
    assert.ok(world.broker.table.keyMatches(given.id, given.key))
  })
})
