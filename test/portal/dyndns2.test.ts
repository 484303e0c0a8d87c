import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import type { Context } from 'koa'
import { replyWithWord } from '../../src/portal/dyndns2.ts'
import { problem } from '../../src/shared/problem.ts'
import type { Language } from '../../src/words/language.ts'
import { type Given, LAB, PortalWorld } from './portal-world.ts'

const DDCLIENT = 'ddclient/3.10.0'
const INADYN = 'inadyn/2.10.0 https://github.com/troglobit/inadyn/issues'
/** As on the Internet, but for echoes. */
const STRICT = '[tunnel]\nreachability = "off"\n[web]\ntrusted_proxies = ["127.0.0.0/8", "::1"]\n'
/** inadyn's idea of success: one of these anywhere in the body. */
const INADYN_SUCCESS = /good|ok|true|updated|nochg/i

interface Reply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

suite('the update protocol', () => {
  let world: PortalWorld
  let tunnel: Given
  let other: Given

  before(async () => {
    world = await PortalWorld.open()
    tunnel = await world.register({ ipv4: '203.0.113.1', nicname: 'dyn' })
    other = await world.register({ ipv4: '203.0.113.2', nicname: 'other' })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  /** As inadyn and routers ask: HTTP/1.0, and the reply is all that comes until the connection ends. */
  async function update(
    query: string,
    {
      headers = [],
      method = 'GET',
      body = '',
    }: { headers?: readonly string[]; method?: string; body?: string } = {},
  ): Promise<Reply> {
    const { hostname, port } = new URL(world.url)
    const socket = connect({ host: hostname, port: Number(port) })
    const head = [`${method} /nic/update${query} HTTP/1.0`, 'Host: localhost', ...headers]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
    const raw = await text(socket)
    const [top = '', payload = ''] = raw.split(/\r\n\r\n([\s\S]*)/)
    const [line = '', ...lines] = top.split('\r\n')
    const fields = new Map(
      lines.map(field => {
        const [name = '', value = ''] = field.split(/: (.*)/)
        return [name.toLowerCase(), value] as const
      }),
    )
    assert.ok(!fields.has('transfer-encoding'), 'never chunked')
    assert.equal(fields.get('content-length'), String(Buffer.byteLength(payload)))
    assert.match(fields.get('content-type') ?? '', /^text\/plain/)
    assert.match(payload, /^\S[^\n]*\n$/, 'one line and its end')
    return { status: Number(line.split(' ')[1]), headers: fields, body: payload }
  }

  function basic(user: string, password: string): string {
    return `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  }

  function mine(): { headers: string[] } {
    return { headers: [basic(tunnel.id, tunnel.key)] }
  }

  async function moveTo(ipv4: string): Promise<void> {
    assert.equal((await world.broker.lifecycle.changeEndpoint(tunnel.id, ipv4)).kind === 'refused', false)
  }

  test('good: the tunnel has moved before the reply; the same again is nochg', async () => {
    const query = `?hostname=${tunnel.name}&myip=203.0.113.10`
    const first = await update(query, mine())
    assert.deepEqual([first.status, first.body], [200, 'good 203.0.113.10\n'])
    assert.equal(world.broker.table.byId(tunnel.id)?.ipv4Client, '203.0.113.10')
    const again = await update(query, mine())
    assert.deepEqual([again.status, again.body], [200, 'nochg 203.0.113.10\n'])
  })

  test('the host is the id or the full name, whatever its case; the user likewise', async () => {
    await moveTo('203.0.113.11')
    for (const hostname of [tunnel.id, tunnel.name, `${tunnel.name}.`, tunnel.name.toUpperCase(), 'dyn.ca'])
      for (const user of [tunnel.id, tunnel.name]) {
        const reply = await update(`?hostname=${hostname}&myip=203.0.113.11`, {
          headers: [basic(user, tunnel.key)],
        })
        assert.equal(reply.body, 'nochg 203.0.113.11\n', `${hostname} ${user}`)
      }
  })

  test('without myip, or with an empty one, it is the request’s source', async () => {
    for (const query of [
      `?hostname=${tunnel.id}`,
      `?hostname=${tunnel.id}&myip=`,
      `?hostname=${tunnel.id}&myip=%20`,
    ]) {
      await moveTo('203.0.113.12')
      assert.equal((await update(query, mine())).body, 'good 127.0.0.1\n')
    }
  })

  test('credentials may stand in the query, as some routers send them', async () => {
    await moveTo('203.0.113.13')
    const query = `?hostname=${tunnel.name}&myip=203.0.113.13&username=${tunnel.id}&password=${tunnel.key}`
    assert.equal((await update(query)).body, 'nochg 203.0.113.13\n')
  })

  test('a form does as well, and a POST without a body takes its query', async () => {
    await moveTo('203.0.113.14')
    const body = new URLSearchParams({ hostname: tunnel.name, myip: '203.0.113.15' }).toString()
    const typed = 'Content-Type: application/x-www-form-urlencoded'
    const headers = [...mine().headers, typed, `Content-Length: ${body.length}`]
    assert.equal((await update('', { method: 'POST', headers, body })).body, 'good 203.0.113.15\n')
    const query = `?hostname=${tunnel.name}&myip=203.0.113.15`
    assert.equal((await update(query, { method: 'POST', ...mine() })).body, 'nochg 203.0.113.15\n')
    const json = [...mine().headers, 'Content-Type: application/json', 'Content-Length: 2']
    const refused = await update(query, { method: 'POST', headers: json, body: '{}' })
    assert.deepEqual(
      [refused.status, refused.body.split(' ').slice(0, 2)],
      [415, ['badagent', 'content-type']],
    )
  })

  test('of an IPv4 and an IPv6 address in myip the IPv4 one is taken, in either order', async () => {
    await moveTo('203.0.113.20')
    for (const myip of [
      '203.0.113.21,2001:db8::1',
      '2001:db8::1,203.0.113.21',
      '203.0.113.21,',
      ' 203.0.113.21 ',
    ]) {
      const reply = await update(`?hostname=${tunnel.id}&myip=${encodeURIComponent(myip)}`, mine())
      assert.match(reply.body, /^(?:good|nochg) 203\.0\.113\.21\n$/, myip)
    }
  })

  test('a comma too many, the same name twice, capitals in an id, and slashes too many are taken', async () => {
    await moveTo('203.0.113.22')
    const { id, name } = tunnel
    for (const hostname of [
      `${name},`,
      `${name},${name}`,
      `${id},${name}`,
      id.toUpperCase(),
      ` ${name} , `,
    ]) {
      const query = `?hostname=${encodeURIComponent(hostname)}&myip=203.0.113.22`
      const reply = await update(query, { headers: [basic(id.toUpperCase(), tunnel.key)] })
      assert.equal(reply.body, 'nochg 203.0.113.22\n', hostname)
    }
    for (const path of ['/nic/update/', '//nic/update', '/nic//update//']) {
      const query = `?hostname=${id}&myip=203.0.113.22&username=${id}&password=${tunnel.key}`
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(world.url).port) })
      socket.write(`GET ${path}${query} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n`)
      assert.match(await text(socket), /\r\n\r\nnochg 203\.0\.113\.22\n$/, path)
    }
  })

  test('hostname given several times is a list, in the query and in a form', async () => {
    await moveTo('203.0.113.24')
    const [mine_, others] = [`hostname=${tunnel.name}`, `hostname=${other.name}`]
    for (const [given, expected] of [
      [`${mine_}&${mine_}`, 'nochg 203.0.113.24\n'],
      [`${mine_}&hostname=${tunnel.id}&hostname=`, 'nochg 203.0.113.24\n'],
      [`${mine_}&${others}`, 'numhost\n'],
      [`${others}&${mine_}`, 'numhost\n'],
      [`${others}&${others}`, 'nohost\n'],
    ] as const) {
      const body = `${given}&myip=203.0.113.24`
      assert.equal((await update(`?${body}`, mine())).body, expected, given)
      const typed = 'Content-Type: application/x-www-form-urlencoded'
      const headers = [...mine().headers, typed, `Content-Length: ${body.length}`]
      assert.equal((await update('', { method: 'POST', headers, body })).body, expected, given)
    }
  })

  test('an address or a credential that is given twice is taken if it is the same, and else badagent', async () => {
    await moveTo('203.0.113.24')
    const query = `?hostname=${tunnel.id}&myip=203.0.113.24`
    for (const same of ['myip=203.0.113.24', 'myip=+203.0.113.24', 'myip='])
      assert.equal((await update(`${query}&${same}`, mine())).body, 'nochg 203.0.113.24\n', same)
    for (const [pair, field] of [
      ['myip=203.0.113.25', 'myip'],
      [`username=${tunnel.id}&password=${tunnel.key}&password=x`, 'password'],
      [`username=${other.id}&username=${tunnel.id}&password=${tunnel.key}`, 'username'],
    ]) {
      const reply = await update(`${query}&${pair}`, pair?.startsWith('myip') ? mine() : {})
      assert.equal(reply.status, 400, pair)
      assert.match(reply.body, new RegExp(`^badagent body-syntax .*"${field}"`))
      assert.doesNotMatch(reply.body, INADYN_SUCCESS)
    }
    assert.equal(world.broker.table.byId(tunnel.id)?.ipv4Client, '203.0.113.24')
  })

  test('system, wildcard, mx, backmx and offline are ignored', async () => {
    await moveTo('203.0.113.16')
    const rest = 'system=dyndns&wildcard=ON&mx=mx.example&backmx=YES&offline=NO&mx=mx2.example'
    const reply = await update(`?${rest}&hostname=${tunnel.name}&myip=203.0.113.16`, mine())
    assert.equal(reply.body, 'nochg 203.0.113.16\n')
  })

  test('badauth: 401 with a challenge for a wrong key, no key, an unknown user, junk', async () => {
    for (const headers of [
      [basic(tunnel.id, 'wrong')],
      [basic(tunnel.id, '')],
      [basic('', '')],
      [basic('nobody', tunnel.key)],
      [basic(other.id, tunnel.key)],
      ['Authorization: Basic %%%'],
      ['Authorization: Basic'],
      [`Authorization: Bearer ${tunnel.key}`],
      [],
    ]) {
      const reply = await update(`?hostname=${tunnel.name}&myip=203.0.113.66`, { headers })
      assert.deepEqual([reply.status, reply.body], [401, 'badauth\n'], headers[0])
      assert.match(reply.headers.get('www-authenticate') ?? '', /^Basic realm=/)
    }
    assert.notEqual(world.broker.table.byId(tunnel.id)?.ipv4Client, '203.0.113.66')
  })

  const HOSTS: readonly (readonly [what: string, hostname: string, status: number, word: string])[] = [
    ['an unknown host', 'nobody.ca.freenet6.net', 404, 'nohost'],
    ['somebody else’s host', 'other.ca.freenet6.net', 404, 'nohost'],
    ['an unknown id', 'aaaaaaaaaaaa', 404, 'nohost'],
    ['no name', '', 400, 'notfqdn'],
    ['a bare label', 'dyn', 400, 'notfqdn'],
    ['an empty label', 'dyn..ca', 400, 'notfqdn'],
    ['letters that no host name has', 'd%C3%BDn.ca.freenet6.net', 400, 'notfqdn'],
    ['two hosts', 'dyn.ca.freenet6.net,other.ca.freenet6.net', 400, 'numhost'],
  ]
  for (const [what, hostname, status, word] of HOSTS) {
    test(`${what} is ${word}, ${status}, and to ddclient 200`, async () => {
      const query = `?hostname=${hostname}&myip=203.0.113.66`
      const reply = await update(query, mine())
      assert.deepEqual([reply.status, reply.body], [status, `${word}\n`])
      const headers = [...mine().headers, `User-Agent: ${DDCLIENT}`]
      assert.deepEqual([(await update(query, { headers })).status], [200])
    })
  }

  const REFUSED: readonly (readonly [myip: string, status: number, code: string])[] = [
    ['203.0.113.2', 409, 'ipv4-in-use'],
    ['224.0.0.1', 400, 'ipv4-special'],
    ['192.0.2.1', 400, 'ipv4-own'],
    ['2001:db8::1', 400, 'ipv4-syntax'],
    ['010.0.0.1', 400, 'ipv4-syntax'],
    ['<script>', 400, 'ipv4-syntax'],
  ]
  for (const [myip, status, code] of REFUSED) {
    test(`the address ${myip} is refused by a word of the protocol, then its code, and no word that means success`, async () => {
      const query = `?hostname=${tunnel.name}&myip=${encodeURIComponent(myip)}`
      for (const agent of [INADYN, DDCLIENT]) {
        const reply = await update(query, { headers: [...mine().headers, `User-Agent: ${agent}`] })
        const passes = code === 'ipv4-in-use' && agent === INADYN
        assert.equal(reply.status, agent === DDCLIENT ? 200 : passes ? 503 : status)
        assert.equal(reply.headers.has('retry-after'), passes)
        assert.deepEqual(reply.body.split(/[ \n]/).slice(0, 2), [passes ? '911' : 'dnserr', code])
        assert.doesNotMatch(reply.body, INADYN_SUCCESS)
      }
    })
  }

  test('ddclient sees 401 for a wrong key, and 200 for all else', async () => {
    const headers = [basic(tunnel.id, 'wrong'), `User-Agent: ${DDCLIENT}`]
    assert.equal((await update(`?hostname=${tunnel.name}`, { headers })).status, 401)
  })

  test('HEAD would write: it is refused', async () => {
    await moveTo('203.0.113.17')
    const answer = await world.ask(`/nic/update?hostname=${tunnel.id}&myip=203.0.113.18`, {
      method: 'HEAD',
      headers: { authorization: basic(tunnel.id, tunnel.key).slice('Authorization: '.length) },
    })
    assert.equal(answer.status, 405)
    assert.equal(world.broker.table.byId(tunnel.id)?.ipv4Client, '203.0.113.17')
  })

  test('a fault of ours is 911 with 503, never an invitation to go away', async () => {
    const find = world.broker.table.byId
    world.broker.table.byId = () => {
      throw new Error('disk on fire')
    }
    const reply = await update(`?hostname=${tunnel.id}`, mine())
    world.broker.table.byId = find
    assert.deepEqual([reply.status, reply.body], [503, '911\n'])
    assert.equal(world.faults.length, 1)
  })

  test('abuse: 429 after sixty moves in an hour, with Retry-After; what it has is still nochg', async () => {
    const { id, key } = await world.register({ ipv4: '198.51.100.200', nicname: 'restless' })
    const move = (n: number) => update(`?hostname=${id}&myip=198.51.100.${n}`, { headers: [basic(id, key)] })
    for (let n = 1; n <= 60; n++) assert.equal((await move(n)).status, 200)
    const reply = await move(61)
    assert.deepEqual([reply.status, reply.body], [429, 'abuse\n'])
    assert.ok(Number(reply.headers.get('retry-after')) > 0)
    assert.equal((await move(60)).body, 'nochg 198.51.100.60\n')
  })
})

test('a reason that would sound like success to inadyn is left out: its code stays', () => {
  const say = (detail: string) => {
    const ctx = { get: () => INADYN, set() {}, body: '' }
    const language = { detail: () => detail } as unknown as Language
    const problems = [problem('ipv4-special', { case: 'reserved', ipv4: '192.0.2.7' })]
    replyWithWord(ctx as unknown as Context, problems, language)
    return ctx.body
  }
  assert.equal(say('192.0.2.7 is set aside.'), 'dnserr ipv4-special 192.0.2.7 is set aside.\n')
  for (const detail of ['The body broke off.', 'No good.', 'Not updated.', 'It is true.', 'nochg'])
    assert.equal(say(detail), 'dnserr ipv4-special\n', detail)
})

test('a client that may only give its own address is told so; its own one need not answer a second ping', async () => {
  const config = LAB.replace('foreign_endpoints = true', 'foreign_endpoints = false').replace(
    '"off"',
    '"require"',
  )
  await using world = await PortalWorld.open(config)
  const { id, key } = await world.register({ ipv4: '127.0.0.1' })
  const query = `/nic/update?hostname=${id}&username=${id}&password=${key}`
  const foreign = await world.ask(`${query}&myip=203.0.113.66`)
  assert.deepEqual([foreign.status, foreign.text.split(' ')[1]], [403, 'ipv4-not-yours'])
  world.silent.add('127.0.0.1')
  assert.equal((await world.ask(query)).text, 'nochg 127.0.0.1\n')
})

test('who comes over IPv6 without an address is told how to come over IPv4', async () => {
  await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'))
  const { id, key } = await world.register()
  const headers = { 'x-forwarded-for': '2001:db8::77' }
  const answer = await world.ask(`/nic/update?hostname=${id}&username=${id}&password=${key}`, { headers })
  assert.equal(answer.status, 400)
  assert.match(answer.text, /^dnserr ipv4-syntax You come over IPv6, from 2001:db8::77.* come over IPv4/)
})

test('a name that a tunnel had under a former origin is its own: a client that is told nohost ends for good', async () => {
  await using world = await PortalWorld.open()
  const { id, key } = await world.register({ nicname: 'dyn' })
  const update = (hostname: string) =>
    world.ask(`/nic/update?hostname=${hostname}&myip=192.0.2.7`, {
      headers: { authorization: `Basic ${Buffer.from(`${id}:${key}`).toString('base64')}` },
    })
  assert.match((await update('dyn.ca.former.example')).text, /^(good|nochg) 192\.0\.2\.7\n$/)
  assert.equal((await update('dyn.fr.former.example')).text, 'nohost\n')
  assert.equal((await update('dyna.ca.former.example')).text, 'nohost\n')
})

for (const [what, change] of [
  ['that the tunnel is suspended', { isSuspended: true, myip: '81.2.69.7' }],
  ['too many wrong keys from its line', { isSuspended: false, myip: '81.2.69.7', wrongKeys: 20 }],
  ['a private address, as of a second line', { isSuspended: false, myip: '192.168.1.7' }],
  ['an address behind the NAT of a provider', { isSuspended: false, myip: '100.64.1.7' }],
  ['an address that is not the one it comes from', { isSuspended: false, myip: '81.2.69.77' }],
] as const)
  test(`inadyn is told of ${what} as of what passes: it would never come again`, async () => {
    await using world = await PortalWorld.open(STRICT)
    const from = { 'x-forwarded-for': '81.2.69.7' }
    const given = { ipv4: '81.2.69.7', nicname: 'dyn', country: 'ca', os: 'linux' }
    const answer = await world.askJson('/api/v1/tunnels', 'POST', given, from)
    const { id, key } = JSON.parse(answer.text) as Given
    if (change.isSuspended) await world.broker.lifecycle.suspend(id)
    const query = `/nic/update?hostname=${id}&username=${id}&password=${key}&myip=${change.myip}`
    for (let n = 0; 'wrongKeys' in change && n < change.wrongKeys; n++)
      assert.equal((await world.ask(query.replace(key, 'wrong'), { headers: from })).status, 401)
    const reply = await world.ask(query, { headers: { ...from, 'user-agent': INADYN } })
    assert.deepEqual([reply.status, reply.text.slice(0, 4)], [503, '911 '])
    assert.ok(Number(reply.headers['retry-after']) > 0)
    assert.doesNotMatch(reply.text, INADYN_SUCCESS)
    const other = await world.ask(query, { headers: from })
    assert.ok(other.status >= 400 && other.status < 500, `${other.status} ${other.text}`)
  })

/** No update is counted as a registration today; if one ever is, inadyn must not end for it. */
for (const what of [
  problem('quota-exceeded', { seconds: 1800 }),
  problem('too-many-requests', { case: 'moves', seconds: 1800 }),
])
  test(`inadyn hears of ${what.code} that it passes, and when if nobody else has said so`, () => {
    for (const said of [undefined, '1800']) {
      const headers = new Map(said === undefined ? [] : [['retry-after', said]])
      const res = { hasHeader: (name: string) => headers.has(name) }
      const set = (name: string, value: string) => void headers.set(name, value)
      const ctx = { get: () => INADYN, set, res, status: 0, body: '' }
      const language = { detail: () => 'Later.' } as unknown as Language
      replyWithWord(ctx as unknown as Context, [what], language)
      assert.deepEqual([ctx.status, ctx.body], [503, `911 ${what.code} Later.\n`])
      assert.equal(headers.get('retry-after'), said ?? '300')
    }
  })

test('to inadyn, which ends for good on all but 5xx, a refusal that passes is 503 with Retry-After', async () => {
  await using world = await PortalWorld.open(LAB.replace('"off"', '"require"'))
  const { id, key } = await world.register({ ipv4: '192.0.2.9' })
  world.silent.add('192.0.2.10')
  const query = `/nic/update?hostname=${id}&username=${id}&password=${key}&myip=192.0.2.10`
  const inadyn = await world.ask(query, { headers: { 'user-agent': INADYN } })
  assert.deepEqual([inadyn.status, inadyn.text.split(' ').slice(0, 2)], [503, ['911', 'ipv4-unreachable']])
  assert.ok(Number(inadyn.headers['retry-after']) > 0)
  const router = await world.ask(query)
  assert.deepEqual([router.status, router.text.split(' ').slice(0, 2)], [409, ['dnserr', 'ipv4-unreachable']])
})
