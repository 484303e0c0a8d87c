import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Letter } from '../../src/mail/carrier.ts'
import type { Way } from '../../src/tunnel/contact.ts'
import { until } from '../until.ts'
import { bearer, cookieIn, type Given, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const EMAIL = 'Alice@example.org'

let world: PortalWorld
let given: Given
let headers: { readonly cookie: string }

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register()
  headers = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
})

afterEach(() => world[Symbol.asyncDispose]())

function keep(email: string) {
  return world.post(`/tunnels/${given.id}/email`, { email }, headers)
}

/** The path of the link in the only letter that was sent. */
async function link(to = EMAIL): Promise<string> {
  const [letter] = await sent(1)
  assert.equal(letter?.to, to)
  const path = letter?.page.replace(world.url, '') ?? ''
  assert.match(path, /^\/(recover\/mail|notices\/[a-z0-9]{12})\/(?:[\w-]{22}|[0-9a-f]{32})$/)
  assert.ok(letter?.text.includes(path))
  return path
}

/** Letters leave a moment after what they are about. */
async function sent(count: number): Promise<Letter[]> {
  await until(() => world.mails.length >= count)
  await sleep(50)
  assert.equal(world.mails.length, count)
  return world.mails.splice(0)
}

async function keepConfirmed(email = EMAIL): Promise<void> {
  await keep(email)
  assert.equal((await world.post(await link(email), { wanted: 'yes' })).status, 200)
}

function ways() {
  return world.broker.table.contactOf(given.id)?.ways
}

test('an address that the mail server refuses for good is called that, until a letter is taken there', async () => {
  world.refusing.add(EMAIL)
  await keep(EMAIL)
  await sent(1)
  for (const page of ['/email', '']) {
    const { text } = await world.ask(`/tunnels/${given.id}${page}`, { headers })
    assert.match(text, /<code>Alice@example\.org<\/code> was refused when it was last written to/)
    assert.doesNotMatch(text, /has not said yes yet/)
  }
  const path = `/api/v1/tunnels/${given.id}`
  const trouble = async () =>
    JSON.parse((await world.ask(path, { headers: bearer(given.key) })).text).email_trouble
  assert.equal(await trouble(), 'refused')
  world.refusing.clear()
  await keep(EMAIL)
  await sent(1)
  assert.match((await world.ask(`/tunnels/${given.id}/email`, { headers })).text, /has not said yes yet/)
  assert.equal(await trouble(), undefined)
})

test('an owner leaves an address, sees it, and takes it away', async () => {
  const page = async () => (await world.ask(`/tunnels/${given.id}/email`, { headers })).text
  assert.match(await page(), /Nobody is told/)
  assert.match((await world.ask(`/tunnels/${given.id}`, { headers })).text, /href="\/tunnels\/\w+\/email"/)
  assert.equal((await keep(` ${EMAIL} `)).status, 303)
  assert.match(await page(), /value="Alice@example\.org"/)
  assert.equal((await keep('')).status, 303)
  assert.match(await page(), /Nobody is told/)
})

test('what is no address is not kept, and nobody else sees or sets one', async () => {
  for (const wrong of [
    'alice',
    'a b@example.org',
    'a@example.org,b@example.org',
    `${'x'.repeat(250)}@example.org`,
  ]) {
    const answer = await keep(wrong)
    assert.equal(answer.status, 400)
    assert.match(answer.text, /email-syntax/)
  }
  assert.equal(world.broker.table.contactOf(given.id), undefined)
  assert.equal((await world.ask(`/tunnels/${given.id}/email`)).status, 401)
  assert.equal((await world.post(`/tunnels/${given.id}/email`, { email: EMAIL })).status, 401)
})

test('a lost key is replaced by the link that is mailed, which works once', async () => {
  await keepConfirmed()
  const sent = await world.post('/recover/mail', { reference: given.name, email: 'alice@EXAMPLE.org' })
  assert.equal(sent.status, 200)
  const path = await link()
  const asked = await world.ask(path)
  assert.match(asked.text, new RegExp(`A new key for <code>${given.name}`))
  assert.ok(world.broker.table.keyMatches(given.id, given.key)) // a mail program that opened the link did nothing
  const recovered = await world.post(path, {})
  assert.equal(recovered.status, 303)
  const page = await world.ask(String(recovered.headers.location), { headers: cookieIn(recovered) })
  const key = /id="key"[^>]*>([0-9a-f]{32})</.exec(page.text)?.[1] ?? ''
  assert.ok(world.broker.table.keyMatches(given.id, key))
  assert.ok(!world.broker.table.keyMatches(given.id, given.key))
  for (const again of [await world.ask(path), await world.post(path, {})]) {
    assert.equal(again.status, 404)
    assert.match(again.text, /link-expired/)
  }
})

test('the link leads to the key until that was seen: after a double click, or a reply that was lost', async () => {
  await keepConfirmed()
  await world.post('/recover/mail', { reference: given.name, email: EMAIL })
  const path = await link()
  await world.post(path, {}) // the browser drops this reply for the next
  assert.equal((await world.ask(path)).status, 200)
  const second = await world.post(path, {})
  assert.equal(second.status, 303)
  const page = await world.ask(String(second.headers.location), { headers: cookieIn(second) })
  const key = /id="key"[^>]*>([0-9a-f]{32})</.exec(page.text)?.[1] ?? ''
  assert.ok(world.broker.table.keyMatches(given.id, key))
  assert.equal((await world.post(path, {})).status, 404)
})

test('it says the same whether tunnel and address fit or not, and mails only where they do', async () => {
  await keepConfirmed()
  const texts = new Set<string>()
  for (const [reference, email] of [
    [given.name, 'mallory@example.org'],
    ['nobody.ca', EMAIL],
    [given.name, ''],
    [given.name, EMAIL],
  ] as const) {
    const { text } = await world.post('/recover/mail', { reference, email })
    texts.add(text.replaceAll(reference, 'NAME'))
  }
  assert.equal(texts.size, 1)
  await link()
})

test('a visitor has few mails sent, and an owner gets few', async () => {
  await keepConfirmed()
  const statuses = []
  for (let n = 0; n < 7; n++)
    statuses.push((await world.post('/recover/mail', { reference: given.name, email: EMAIL })).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429, 429]) // the question was one of five
  assert.ok((await sent(4)).every(({ occasion }) => occasion === 'recover'))
})

test('a new key that comes otherwise makes a link void', async () => {
  await keepConfirmed()
  await world.post('/recover/mail', { reference: given.name, email: EMAIL })
  const path = await link()
  await world.broker.operator.renewKey(given.id)
  assert.equal((await world.post(path, {})).status, 404)
})

test('an address is asked before it is told anything, by a link that does nothing when it is opened', async () => {
  await keep(EMAIL)
  const path = await link()
  assert.match((await world.ask(path)).text, /Is that you/)
  assert.deepEqual(ways(), [{ kind: 'email', target: EMAIL, isConfirmed: false }])
  await world.broker.lifecycle.suspend(given.id)
  await world.post('/recover/mail', { reference: given.name, email: EMAIL })
  await sent(0)
  await world.broker.lifecycle.resume(given.id)
  assert.match((await world.post(path, { wanted: 'yes' })).text, /Thank you/)
  assert.deepEqual(ways(), [{ kind: 'email', target: EMAIL, isConfirmed: true }])
  await world.broker.lifecycle.suspend(given.id)
  assert.equal((await sent(1))[0]?.occasion, 'suspended')
})

test('whoever reads there says no, at once or later, and hears nothing more', async () => {
  await keep(EMAIL)
  const path = await link()
  assert.match((await world.post(path, { wanted: 'no' })).text, /is forgotten/)
  assert.equal(ways(), undefined)
  assert.equal((await world.ask(path)).status, 404)
  await keepConfirmed()
  await world.broker.lifecycle.suspend(given.id)
  const [letter] = await sent(1)
  const [stop = ''] = /\/notices\/\S+$/.exec(letter?.text ?? '') ?? []
  assert.match((await world.ask(stop)).text, /Tell me nothing more/)
  assert.equal((await world.post(stop, { wanted: 'no' })).status, 200)
  await world.broker.lifecycle.resume(given.id)
  await sent(0)
})

test('what is sent to the link without a yes or a no asks again', async () => {
  await keepConfirmed()
  await world.broker.lifecycle.suspend(given.id)
  const [letter] = await sent(1)
  const [stop = ''] = /\/notices\/\S+$/.exec(letter?.text ?? '') ?? []
  assert.match((await world.post(stop, {})).text, /Tell me nothing more/)
  assert.deepEqual(ways(), [{ kind: 'email', target: EMAIL, isConfirmed: true }])
})

test('a no by one way leaves the language of the other', async () => {
  await using lab = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
  const { id } = await lab.register()
  const kept: Way[] = [
    { kind: 'email', target: EMAIL, isConfirmed: false },
    { kind: 'webhook', target: 'https://ntfy.sh/t', isConfirmed: true },
  ]
  await lab.broker.lifecycle.setContact(id, () => ({
    contact: { language: 'fr', ways: kept },
    asking: ['email'],
  }))
  await until(() => lab.mails.length >= 1)
  const page = lab.mails[0]?.page.replace(lab.url, '') ?? ''
  assert.match((await lab.post(page, { wanted: 'no' })).text, /is forgotten/)
  assert.deepEqual(lab.broker.table.contactOf(id), { language: 'fr', ways: kept.slice(1) })
})

test('a link is for its tunnel and its address alone', async () => {
  const other = await world.register({ ipv4: '192.0.2.78', nicname: 'bob' })
  await keep(EMAIL)
  const path = await link()
  for (const wrong of [path.replace(given.id, other.id), `${path.slice(0, -1)}!`, `${path.slice(0, -2)}AA`])
    assert.notEqual((await world.post(wrong, { wanted: 'yes' })).status, 200)
  await keep('bob@example.org')
  assert.equal((await world.post(path, { wanted: 'yes' })).status, 404)
  assert.equal(ways()?.[0]?.isConfirmed, false)
})

test('an address that is kept again stays confirmed, and another one does not', async () => {
  await keepConfirmed()
  await keep(EMAIL.toLowerCase())
  assert.equal(ways()?.[0]?.isConfirmed, true)
  await keep('bob@example.org')
  assert.equal(ways()?.[0]?.isConfirmed, false)
})

test('a stranger is asked three times a day at most, whoever names them and for whatever tunnel', async () => {
  for (let host = 0; host < 6; host++) {
    await world.askJson('/api/v1/tunnels', 'POST', {
      ...GOOD,
      ipv4: `192.0.2.${100 + host}`,
      nicname: `host${host}`,
      email: 'stranger@example.org',
    })
  }
  assert.ok(
    (await sent(3)).every(({ occasion, to }) => occasion === 'confirm' && to === 'stranger@example.org'),
  )
})

test('what was typed stands in the form again when it is wrong', async () => {
  const answer = await keep('alice@nowhere')
  assert.equal(answer.status, 400)
  assert.match(answer.text, /value="alice@nowhere"/)
  assert.match(answer.text, /href="#email"/)
})

test('the form has a field for an address, and a wrong one is among all that is wrong', async () => {
  const form = await world.ask('/register/linux')
  assert.match(form.text, /<input id="email" name="email" type="email"/)
  assert.match(form.text, /for nothing else/)
  const typed = { ...GOOD, ipv4: '192.0.2.90', nicname: 'carol!', email: 'carol@' }
  const wrong = await world.post('/register', typed)
  assert.equal(wrong.status, 400)
  for (const code of ['nicname-syntax', 'email-syntax']) assert.match(wrong.text, new RegExp(code))
  for (const value of ['carol!', 'carol@', '192.0.2.90'])
    assert.ok(wrong.text.includes(`value="${value}"`), value)
  const right = await world.post('/register', { ...typed, nicname: 'carol', email: ' carol@example.org ' })
  assert.equal(right.status, 303)
  const [letter] = await sent(1)
  assert.equal(letter?.to, 'carol@example.org')
  assert.match(letter?.subject ?? '', /^Do you want to hear of carol\.ca/)
  const page = await world.ask(String(right.headers.location), { headers: cookieIn(right) })
  assert.match(page.text, /has not said yes yet/)
})

test('a form that is sent twice asks once', async () => {
  const typed = { ...GOOD, ipv4: '192.0.2.91', nicname: 'dave', email: 'dave@example.org' }
  const [one, other] = await Promise.all([world.post('/register', typed), world.post('/register', typed)])
  assert.deepEqual([one.status, other.status], [303, 303])
  await sent(1)
})

test('a program gives an address, sees it, changes it, and takes it away', async () => {
  const body = { ...GOOD, ipv4: '192.0.2.92', nicname: 'erin', email: 'erin@example.org' }
  const answer = await world.askJson('/api/v1/tunnels', 'POST', body, { 'accept-language': 'fr' })
  assert.equal(answer.status, 201)
  const tunnel = JSON.parse(answer.text)
  assert.deepEqual([tunnel.email, tunnel.email_confirmed], ['erin@example.org', false])
  const [letter] = await sent(1)
  assert.match(letter?.subject ?? '', /^Voulez-vous/)
  assert.equal((await world.post(letter?.page.replace(world.url, '') ?? '', { wanted: 'yes' })).status, 200)
  const path = `/api/v1/tunnels/${tunnel.id}`
  const shown = JSON.parse((await world.ask(path, { headers: bearer(tunnel.key) })).text)
  assert.deepEqual([shown.email, shown.email_confirmed], ['erin@example.org', true])
  const patch = async (change: object) => world.askJson(path, 'PATCH', change, bearer(tunnel.key))
  const moved = JSON.parse((await patch({ ipv4: '192.0.2.93', email: 'erin@example.net' })).text)
  assert.deepEqual(
    [moved.ipv4_client, moved.email, moved.email_confirmed],
    ['192.0.2.93', 'erin@example.net', false],
  )
  assert.equal(JSON.parse((await patch({ email: '' })).text).email, undefined)
})

test('a move that was done is told, although the address beside it could not be kept', async t => {
  const busy = Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 })
  t.mock.method(world.broker.lifecycle, 'setContact', () => Promise.reject(busy))
  const body = { ipv4: '192.0.2.99', email: 'a@example.net' }
  const { status, text } = await world.askJson(
    `/api/v1/tunnels/${given.id}`,
    'PATCH',
    body,
    bearer(given.key),
  )
  const { ipv4_client, warnings } = JSON.parse(text)
  assert.deepEqual([status, ipv4_client], [200, '192.0.2.99'])
  assert.deepEqual(
    warnings.map(({ code }: { readonly code: string }) => code),
    ['partly-done'],
  )
})

test('a program is told of a wrong address with all else that is wrong, and nothing is half done', async () => {
  const body = { ...GOOD, ipv4: '192.0.2.300', nicname: 'x', email: 'nowhere' }
  const refused = problemIn(await world.askJson('/api/v1/tunnels', 'POST', body))
  assert.deepEqual(
    refused.errors.map(({ code, field }) => [code, field]),
    [
      ['ipv4-syntax', 'ipv4'],
      ['email-syntax', 'email'],
    ],
  )
  const path = `/api/v1/tunnels/${given.id}`
  const patch = async (change: object) => world.askJson(path, 'PATCH', change, bearer(given.key))
  assert.equal(problemIn(await patch({ ipv4: '192.0.2.99', email: 'nowhere' })).code, 'email-syntax')
  assert.equal(problemIn(await patch({ email: 7 })).code, 'email-syntax')
  assert.equal(problemIn(await patch({ webhook: 'https://ntfy.sh/x' })).code, 'webhook-none')
  assert.equal(world.broker.table.byId(given.id)?.ipv4Client, given.ipv4_client)
})

test('a registration is the same in another language, and one with another address is another', async () => {
  const body = { ...GOOD, ipv4: '192.0.2.94', nicname: 'frank', email: 'frank@example.org' }
  const register = (more: object, language: string) =>
    world.askJson(
      '/api/v1/tunnels',
      'POST',
      { ...body, ...more },
      { 'idempotency-key': 'k', 'accept-language': language },
    )
  const first = await register({}, 'en')
  assert.equal(first.status, 201)
  assert.equal((await register({}, 'fr')).text, first.text)
  assert.equal(problemIn(await register({ email: 'x@example.org' }, 'en')).code, 'idempotency-key-reused')
})

test('without mail there is no field, and an address is refused', async () => {
  await using bare = await PortalWorld.open(LAB.replace(/\[mail\][^[]*/, ''))
  assert.doesNotMatch((await bare.ask('/register/linux')).text, /name="email"/)
  const answer = await bare.askJson('/api/v1/tunnels', 'POST', { ...GOOD, email: 'a@example.org' })
  assert.deepEqual([answer.status, problemIn(answer).code], [409, 'email-none'])
})

test('whoever comes back by registering again keeps the address unless another one is typed', async () => {
  const home = { ...GOOD, ipv4: '127.0.0.1', nicname: 'grace' } // where the tests come from
  const { id } = await world.register(home)
  const contact = { language: 'en', ways: [{ kind: 'email', target: EMAIL, isConfirmed: true }] } as const
  await world.broker.lifecycle.setContact(id, () => ({ contact: contact, asking: [] }))
  const comeBack = async (email: string) => {
    await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
    for (let round = 0; round < 6; round++)
      await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    assert.ok(world.broker.table.dormant.byId(id))
    assert.equal((await world.post('/register', { ...home, email })).status, 303)
    assert.ok(world.broker.table.byId(id))
    return world.broker.table.contactOf(id)?.ways
  }
  assert.deepEqual(await comeBack(''), contact.ways)
  assert.deepEqual(await comeBack('bob@example.org'), [
    { kind: 'email', target: 'bob@example.org', isConfirmed: false },
  ])
})

test('a URL is left beside an address where the operator has named hosts, and is asked like one', async () => {
  await using lab = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
  const tunnel = await lab.register()
  const cookie = cookieIn(await lab.post('/tunnels', { reference: tunnel.name, key: tunnel.key }))
  const path = `/tunnels/${tunnel.id}/email`
  const page = async () => (await lab.ask(path, { headers: cookie })).text
  assert.match(await page(), /on one of these hosts: ntfy\.sh/)
  const wrong = await lab.post(path, { email: EMAIL, webhook: 'https://example.org/t' }, cookie)
  assert.equal(wrong.status, 400)
  assert.match(wrong.text, /webhook-host/)
  assert.match(wrong.text, /value="https:\/\/example\.org\/t"/)
  assert.equal(lab.broker.table.contactOf(tunnel.id), undefined)
  const kept = await lab.post(path, { email: EMAIL, webhook: 'https://ntfy.sh/t' }, cookie)
  assert.equal(kept.status, 303)
  await until(() => lab.mails.length >= 2)
  assert.deepEqual(lab.mails.map(({ to }) => to).sort(), [EMAIL, 'https://ntfy.sh/t'])
  const letter = lab.mails.find(({ to }) => to.startsWith('https'))
  await lab.post(letter?.page.replace(lab.url, '') ?? '', { wanted: 'yes' })
  assert.match(await page(), /is told to <code>https:\/\/ntfy\.sh\/t<\/code>/)
  const shown = JSON.parse(
    (await lab.ask(`/api/v1/tunnels/${tunnel.id}`, { headers: bearer(tunnel.key) })).text,
  )
  assert.deepEqual(
    [shown.email_confirmed, shown.webhook, shown.webhook_confirmed],
    [false, 'https://ntfy.sh/t', true],
  )
})

test('the page says of a URL or an address that nothing is sent there by now', async () => {
  const url = 'https://ntfy.example/t'
  const ways: Way[] = [{ kind: 'webhook', target: url, isConfirmed: true }]
  await using lab = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
  const tunnel = await lab.register()
  await lab.broker.lifecycle.setContact(tunnel.id, () => ({ contact: { language: 'en', ways }, asking: [] }))
  const cookie = cookieIn(await lab.post('/tunnels', { reference: tunnel.name, key: tunnel.key }))
  const { text } = await lab.ask(`/tunnels/${tunnel.id}/email`, { headers: cookie })
  assert.match(text, /<code>https:\/\/ntfy\.example\/t<\/code> is kept, but this service sends nothing there/)
  assert.doesNotMatch(text, /is told to/)
  const path = `/api/v1/tunnels/${tunnel.id}`
  const shown = JSON.parse((await lab.ask(path, { headers: bearer(tunnel.key) })).text)
  assert.equal(shown.webhook_trouble, 'unreached')
})
