/** Where an owner is told, left once too often: it is kept, nobody is asked there, and the owner hears so. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, cookieIn, type Given, GOOD, LAB, PortalWorld } from './portal-world.ts'

const SENT = /open the link that was sent there/
const UNASKED = /no link was sent there: .*Keep the same again in/

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
  given = await world.register()
})
afterEach(() => world[Symbol.asyncDispose]())

async function change(wish: Readonly<Record<string, string>>) {
  const { status, text } = await world.askJson(
    `/api/v1/tunnels/${given.id}`,
    'PATCH',
    wish,
    bearer(given.key),
  )
  assert.equal(status, 200, text)
  return JSON.parse(text) as Given & { readonly email?: string; readonly email_confirmed?: boolean }
}

/** The five mails that a visitor may have sent in an hour. */
async function spendMails(): Promise<void> {
  for (let n = 0; n < 5; n++) assert.equal((await change({ email: `n${n}@example.org` })).warnings, undefined)
}

/** The page that a form leads to. */
async function pageAfter(path: string, fields: Readonly<Record<string, string>>, cookie = '') {
  const answer = await world.post(path, fields, cookie === '' ? {} : { cookie })
  assert.equal(answer.status, 303, answer.text)
  const headers = { cookie: cookie || cookieIn(answer).cookie }
  const { text } = await world.ask(String(answer.headers.location), { headers })
  return { text, headers }
}

function codesAndFields({ warnings = [] }: Given) {
  return warnings.map(({ code, field }) => [code, field])
}

test('a program hears that nobody was asked, of each way, and the ways are kept', async () => {
  await spendMails()
  const changed = await change({ email: 'alice@example.org', webhook: 'https://ntfy.sh/alice' })
  assert.deepEqual([changed.email, changed.email_confirmed], ['alice@example.org', false])
  assert.deepEqual(codesAndFields(changed), [
    ['too-many-requests', 'email'],
    ['too-many-requests', 'webhook'],
  ])
  assert.match(changed.warnings?.[0]?.detail ?? '', /try again in/)
  const moved = await change({ ipv4: '192.0.2.99', email: 'alice@example.org' })
  assert.equal(moved.ipv4_client, '192.0.2.99')
  assert.deepEqual(codesAndFields(moved), [['too-many-requests', 'email']])
})

test('a registration says that the target was asked often enough today', async () => {
  const register = (host: number) =>
    world.register({
      ipv4: `192.0.2.${100 + host}`,
      nicname: `host${host}`,
      ...{ email: 'stranger@example.org' },
    })
  for (let host = 0; host < 3; host++) assert.deepEqual(codesAndFields(await register(host)), [])
  assert.deepEqual(codesAndFields(await register(3)), [['too-many-requests', 'email']])
})

test('the page says so in place of a link that was sent, once', async () => {
  await spendMails()
  const { cookie } = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const path = `/tunnels/${given.id}/email`
  const { text, headers } = await pageAfter(path, { email: 'alice@example.org' }, cookie)
  assert.match(text, UNASKED)
  assert.doesNotMatch(text, SENT)
  assert.match(text, /value="alice@example\.org"/)
  assert.doesNotMatch((await world.ask(path, { headers })).text, UNASKED)
})

test('who has registered by the form hears it with the key', async () => {
  await spendMails()
  const typed = { ...GOOD, ipv4: '192.0.2.90', nicname: 'carol', email: 'carol@example.org' }
  const { text } = await pageAfter('/register', typed)
  assert.match(text, /id="key"/)
  assert.match(text, UNASKED)
  assert.doesNotMatch(text, SENT)
})
