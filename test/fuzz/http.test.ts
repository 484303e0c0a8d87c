/** The web door: whatever is asked, a status below 500, a body of its kind, and no fault of ours in the log. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import fc from 'fast-check'
import { type Ask, type Given, PortalWorld } from '../portal/portal-world.ts'
import { changed, changes, fuzz } from './fuzz.ts'

let world: PortalWorld
let tunnel: Given

before(async () => {
  world = await PortalWorld.open(`
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
trusted_proxies = ["127.0.0.0/8", "::1"]
`)
  tunnel = await world.register()
})
after(() => world[Symbol.asyncDispose]())

const FORM = 'application/x-www-form-urlencoded'
const STATUSES = [200, 201, 204, 303, 304, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429]

/** Text that a header may carry. */
const headerText = fc.oneof(
  fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,80}$/),
  fc.constantFrom(
    '',
    ',',
    '127.0.0.1',
    '198.51.100.7, 10.0.0.1',
    '::ffff:198.51.100.7',
    'fe80::1%eth0',
    '%',
    '256.1.1.1',
  ),
)
const field = fc.constantFrom(
  'ipv4',
  'nicname',
  'country',
  'os',
  'constructor',
  '__proto__',
  'sure',
  'key',
  'id',
)
const fieldText = fc.oneof(
  fc.constantFrom(
    '192.0.2.9',
    'bob',
    'ca',
    'linux',
    ' 192.0.2.9 ',
    '010.0.0.1',
    '-',
    '..',
    'xn--a',
    '\0',
    'a'.repeat(300),
  ),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
)
const json = fc.oneof(
  fc
    .dictionary(field, fc.oneof(fieldText, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 5 })
    .map(object => JSON.stringify(object)),
  fc.json({ maxDepth: 2 }),
  fc.nat(2000).map(depth => `{"ipv4":${'['.repeat(depth)}${']'.repeat(depth)}}`),
)
const pairs = fc
  .array(fc.tuple(field, fieldText), { maxLength: 6 })
  .map(list => new URLSearchParams(list).toString())
const oddPairs = fc.array(
  fc.constantFrom('%', '%0', '%zz', '&', '=', '+', ';', 'os', 'ipv4', '%C0%80', '%00', '[]'),
  { maxLength: 12 },
)
const query = fc.oneof(
  pairs,
  oddPairs.map(parts => parts.join('')),
)
const octetsOf = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.oneof(fc.constant([]), changes)).map(([good, list]) => changed(Buffer.from(good), list))

/** Good, missing and nonsensical fields of the head. */
const headers = fc
  .record(
    {
      'content-type': fc.constantFrom(
        'application/json',
        FORM,
        'application/json; charset=x',
        'text/plain',
        '',
      ),
      'x-forwarded-for': headerText,
      authorization: fc.oneof(
        headerText,
        headerText.map(text => `Bearer ${text}`),
        headerText.map(text => `Basic ${Buffer.from(text).toString('base64')}`),
      ),
      cookie: headerText.map(text => `freenet6=${text}`),
      accept: fc.oneof(headerText, fc.constantFrom('text/html', 'application/json')),
      origin: headerText,
      'sec-fetch-site': fc.constantFrom('same-origin', 'cross-site', 'x'),
      'if-none-match': headerText,
      'user-agent': fc.constantFrom('ddclient/3.10.0', 'x'),
      'accept-language': headerText,
    },
    { requiredKeys: [] },
  )
  .map(fields => fields as Readonly<Record<string, string>>)

const method = fc.constantFrom('GET', 'POST', 'POST', 'PATCH', 'DELETE', 'HEAD', 'PUT', 'OPTIONS')
const path = fc.oneof(
  fc.constantFrom(
    '/',
    '/register/linux',
    '/register',
    '/tunnels',
    '/healthz',
    '/metrics',
    '/nic/update',
    '/errors',
  ),
  fc.constantFrom(
    '/api/v1/tunnels',
    '/api/v1/tunnels/ID',
    '/api/v1/tunnels/ID/script',
    '/tunnels/ID',
    '/tunnels/ID/script',
  ),
  fc.constantFrom(
    '/tunnels/ID/delete',
    '/tunnels/ID/endpoint',
    '/register/constructor',
    '/api/v1/tunnels/__proto__',
    '//',
    '/%',
  ),
  fc.stringMatching(/^\/[!-~]{0,40}$/),
)

fuzz(
  'any request to any page gets a reply',
  fc.asyncProperty(
    method,
    path,
    query,
    headers,
    octetsOf(fc.oneof(json, pairs)),
    async (method, path, query, headers, body) => {
      const hasBody = method !== 'GET' && method !== 'HEAD' && body.length > 0
      await asks(`${path.replace('ID', tunnel.id)}?${query}`, {
        method,
        headers,
        ...(hasBody ? { body } : {}),
      })
    },
  ),
)

fuzz(
  'any JSON to the API is registered or refused with a problem document',
  fc.asyncProperty(octetsOf(json), headerText, async (body, forwarded) => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': forwarded }
    const { status, text } = await asks('/api/v1/tunnels', { method: 'POST', headers, body })
    const { code, id } = JSON.parse(text)
    assert.equal(typeof (status === 201 ? id : code), 'string')
  }),
)

fuzz(
  'any form is registered or shown again',
  fc.asyncProperty(octetsOf(query), async body => {
    const headers = { 'content-type': FORM, accept: 'text/html', 'sec-fetch-site': 'same-origin' }
    const { text, status } = await asks('/register', { method: 'POST', headers, body })
    assert.ok(status === 303 || /<!doctype html>/i.test(text))
  }),
)

fuzz(
  'any parameters of the update protocol get one word in one line',
  fc.asyncProperty(
    fc.array(fc.tuple(fc.constantFrom('hostname', 'myip', 'username', 'password', 'x'), fieldText), {
      maxLength: 5,
    }),
    fc.boolean(),
    query,
    async (parameters, isKnown, odd) => {
      const known = isKnown ? `&username=${tunnel.id}&password=${tunnel.key}&hostname=${tunnel.id}` : ''
      const { text } = await asks(`/nic/update?${new URLSearchParams(parameters)}&${odd}${known}`, {})
      assert.match(text, /^\S[^\n]*\n$/)
    },
  ),
)

async function asks(path: string, ask: Ask) {
  const answer = await world.ask(path, ask)
  assert.deepEqual(world.faults, [])
  assert.ok(STATUSES.includes(answer.status), `${answer.status}: ${answer.text}`)
  return answer
}
