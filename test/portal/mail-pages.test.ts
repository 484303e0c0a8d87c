import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { cookieIn, type Given, PortalWorld } from './portal-world.ts'

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

/** The path of the link in the only mail that was sent. */
function link(): string {
  assert.equal(world.mails.length, 1)
  const [mail] = world.mails.splice(0)
  assert.equal(mail?.to, EMAIL)
  return /(\/recover\/mail\/[\w-]{22})$/m.exec(mail?.text ?? '')?.[1] ?? assert.fail(mail?.text)
}

test('an owner leaves an address, sees it, and takes it away', async () => {
  const page = async () => (await world.ask(`/tunnels/${given.id}/email`, { headers })).text
  assert.match(await page(), /No mail is sent/)
  assert.match((await world.ask(`/tunnels/${given.id}`, { headers })).text, /href="\/tunnels\/\w+\/email"/)
  assert.equal((await keep(` ${EMAIL} `)).status, 303)
  assert.match(await page(), /value="Alice@example\.org"/)
  assert.equal((await keep('')).status, 303)
  assert.match(await page(), /No mail is sent/)
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
  await keep(EMAIL)
  const sent = await world.post('/recover/mail', { reference: given.name, email: 'alice@EXAMPLE.org' })
  assert.equal(sent.status, 200)
  const path = link()
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

test('it says the same whether tunnel and address fit or not, and mails only where they do', async () => {
  await keep(EMAIL)
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
  link()
})

test('a visitor has few mails sent, and an owner gets few', async () => {
  await keep(EMAIL)
  const statuses = []
  for (let n = 0; n < 7; n++)
    statuses.push((await world.post('/recover/mail', { reference: given.name, email: EMAIL })).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429])
  assert.equal(world.mails.length, 5)
})

test('a new key that comes otherwise makes a link void', async () => {
  await keep(EMAIL)
  await world.post('/recover/mail', { reference: given.name, email: EMAIL })
  const path = link()
  await world.broker.operator.renewKey(given.id)
  assert.equal((await world.post(path, {})).status, 404)
})
