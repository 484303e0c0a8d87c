import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { guardOrigin, guardProgram } from '../../src/portal/form-guard.ts'
import { Refused } from '../../src/portal/refused.ts'
import { bearer, type Given, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const OWN = new Set(['https://broker.example.net'])

suite('the guard of writes', () => {
  const CASES: readonly (readonly [
    what: string,
    headers: Readonly<Record<string, string>>,
    passes: boolean,
  ])[] = [
    ['a program, which says nothing', { host: 'broker.example.net' }, true],
    ['our own page', { 'sec-fetch-site': 'same-origin' }, true],
    ['the visitor by hand', { 'sec-fetch-site': 'none' }, true],
    ['another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['a sister host', { 'sec-fetch-site': 'same-site' }, false],
    [
      'another site that claims our origin',
      { 'sec-fetch-site': 'cross-site', origin: 'https://broker.example.net' },
      false,
    ],
    ['an older browser on our page', { origin: 'https://broker.example.net' }, true],
    [
      'an older browser on another site',
      { origin: 'https://evil.example', host: 'broker.example.net' },
      false,
    ],
    [
      'an origin that begins like ours',
      { origin: 'https://broker.example.net.evil.example', host: 'broker.example.net' },
      false,
    ],
    ['another port', { origin: 'https://broker.example.net:8443', host: 'broker.example.net' }, false],
    [
      'the address that the request went to',
      { origin: 'http://127.0.0.1:8080', host: '127.0.0.1:8080' },
      true,
    ],
    ['a name in capitals', { origin: 'http://broker.lan', host: 'BROKER.lan' }, true],
    ['a hidden origin', { origin: 'null', host: 'broker.example.net' }, false],
    ['a hidden origin without Host (HTTP/1.0)', { origin: 'null' }, false],
    ['junk for an origin, without Host', { origin: '%%' }, false],
  ]
  for (const [what, headers, passes] of CASES) {
    test(`${passes ? 'takes' : 'refuses'} a write from ${what}`, () => {
      const guard = () => guardOrigin({ headers } as unknown as IncomingMessage, OWN)
      if (passes) guard()
      else
        assert.throws(
          guard,
          (error: unknown) => error instanceof Refused && error.problems[0]?.code === 'cross-site',
        )
    })
  }
})

suite('the guard of updates', () => {
  for (const [what, headers, passes] of [
    ['a program', {}, true],
    ['the visitor by hand', { 'sec-fetch-site': 'none' }, true],
    ['a page of ours', { 'sec-fetch-site': 'same-origin' }, false],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['an older browser’s script', { origin: 'https://evil.example' }, false],
    ['an image of an older browser', { referer: 'https://evil.example/page' }, false],
  ] as const) {
    test(`${passes ? 'takes' : 'refuses'} one from ${what}`, () => {
      const guard = () => guardProgram({ headers } as unknown as IncomingMessage)
      if (passes) guard()
      else assert.throws(guard, (error: unknown) => error instanceof Refused)
    })
  }
})

suite('the host that a request names', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open(LAB.replace('[web]', '[web]\npublic_url = "https://broker.example.net"'))
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  for (const host of [
    'broker.example.net',
    'BROKER.example.net:443',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost:8080',
  ]) {
    test(`is taken as ${host}`, async () => {
      assert.equal((await world.ask('/', { headers: { host } })).status, 200)
    })
  }

  for (const host of [
    'evil.example',
    'broker.example.net.evil.example',
    '192.0.2.1',
    '[::1]',
    '%%',
    'a@127.0.0.2',
  ]) {
    test(`is misdirected, 421, as “${host}”: on a page, in the API, in the update protocol`, async () => {
      const document = problemIn(await world.ask('/api/v1/tunnels', { headers: { host } }))
      assert.deepEqual([document.status, document.code], [421, 'misdirected'])
      assert.equal((await world.ask('/', { headers: { host, accept: 'text/html' } })).status, 421)
      const update = await world.ask('/nic/update', { headers: { host } })
      assert.deepEqual(
        [update.status, update.text.split(/[ \n]/).slice(0, 2)],
        [421, ['badagent', 'misdirected']],
      )
    })
  }

  const askRaw = async (head: string): Promise<string> => {
    const { port } = new URL(world.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.end(`${head}\r\nConnection: close\r\n\r\n`)
    const [status = ''] = (await text(socket)).split('\r\n', 1)
    return status.slice('HTTP/1.1 '.length)
  }

  test('is that of the target, where the target is a URL', async () => {
    const ours = 'Host: broker.example.net'
    assert.match(await askRaw(`GET http://evil.example/ HTTP/1.1\r\n${ours}`), /^421/)
    assert.match(await askRaw('GET http://broker.example.net/ HTTP/1.1\r\nHost: evil.example'), /^200/)
  })

  test('is refused, 400, if there are two', async () => {
    const ours = 'Host: broker.example.net'
    assert.match(await askRaw(`GET / HTTP/1.1\r\n${ours}\r\nHost: evil.example`), /^400/)
    assert.match(await askRaw(`GET / HTTP/1.1\r\n${ours}\r\n${ours}`), /^400/)
  })
})

suite('from another site', () => {
  let world: PortalWorld
  let tunnel: Given

  before(async () => {
    world = await PortalWorld.open()
    tunnel = await world.register()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  const writes = (): readonly (readonly [method: string, path: string])[] => [
    ['POST', '/register'],
    ['POST', '/tunnels'],
    ['POST', `/tunnels/${tunnel.id}/endpoint`],
    ['POST', `/tunnels/${tunnel.id}/delete`],
    ['POST', '/api/v1/tunnels'],
    ['PATCH', `/api/v1/tunnels/${tunnel.id}`],
    ['DELETE', `/api/v1/tunnels/${tunnel.id}`],
    ['POST', '/nic/update'],
    ['GET', '/nic/update'],
  ]

  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ] as const) {
    test(`no write is taken with ${JSON.stringify(headers)}, key or not`, async () => {
      for (const [method, path] of writes()) {
        const answer = await world.ask(path, {
          method,
          headers: { ...bearer(tunnel.key), accept: 'application/json', ...headers },
        })
        assert.equal(answer.status, 403, `${method} ${path}`)
        if (path === '/nic/update') assert.match(answer.text, /^badagent cross-site /)
        else assert.equal(problemIn(answer).code, 'cross-site')
      }
      assert.ok(world.broker.table.byId(tunnel.id))
    })
  }

  test('pages may be linked to from anywhere', async () => {
    assert.equal((await world.ask('/', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 200)
  })
})

suite('too often', () => {
  const limited = (perHour: number) => LAB.replace('per_hour = 0', `per_hour = ${perHour}`)

  test('registrations: 429 with Retry-After, in the API and on the page', async () => {
    await using world = await PortalWorld.open(limited(2))
    for (const n of [1, 2]) await world.register({ nicname: `n${n}`, ipv4: `192.0.2.${n + 10}` })
    const third = { ...GOOD, nicname: 'n3', ipv4: '192.0.2.13' }
    const answer = await world.askJson('/api/v1/tunnels', 'POST', third)
    assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [429, 'quota-exceeded'])
    const seconds = Number(answer.headers['retry-after'])
    assert.ok(seconds > 3500 && seconds <= 3600, `${seconds}`)
    const page = await world.post('/register', third)
    assert.equal(page.status, 429)
    assert.ok(Number(page.headers['retry-after']) > 0)
    assert.match(page.text, /Your address has registered as often as it may/)
    assert.match(page.text, /value="n3"/)
  })

  test('a registration that is refused costs no quota', async () => {
    await using world = await PortalWorld.open(limited(1).replace('[tunnel]', '[tunnel]\nmax_tunnels = 1'))
    const full = await world.broker.lifecycle.register({
      ...GOOD,
      kind: { name: 'sit' },
      ipv4: '192.0.2.1',
      nicname: 'first',
    })
    for (let n = 0; n < 3; n++) {
      assert.equal(
        problemIn(await world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, os: 'x' })).code,
        'os-unknown',
      )
      assert.equal(problemIn(await world.askJson('/api/v1/tunnels', 'POST', GOOD)).code, 'pool-full')
    }
    assert.equal(full.kind, 'registered')
    if (full.kind === 'registered') await world.broker.lifecycle.delete(full.tunnel.id)
  })

  test('refusals: after sixty in a minute nothing is checked any more', async () => {
    await using world = await PortalWorld.open(limited(100))
    const bad = () => world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, os: 'plan9' })
    for (let n = 0; n < 60; n++) assert.equal((await bad()).status, 400)
    const answer = await bad()
    assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [429, 'too-many-requests'])
    assert.ok(Number(answer.headers['retry-after']) <= 60)
  })

  test('wrong keys: by whatever door, and then not even the right one opens', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const path = `/api/v1/tunnels/${id}`
    for (let n = 0; n < 7; n++) {
      assert.equal((await world.ask(path, { headers: bearer('wrong') })).status, 401)
      assert.equal((await world.post('/tunnels', { reference: id, key: 'wrong' })).status, 401)
      const update = `/nic/update?hostname=${id}&username=${id}&password=wrong`
      if (n < 6) assert.equal((await world.ask(update)).status, 401)
    }
    const answer = await world.ask(path, { headers: bearer(key) })
    assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [429, 'too-many-requests'])
    assert.ok(Number(answer.headers['retry-after']) <= 60)
    const page = await world.post('/tunnels', { reference: id, key })
    assert.deepEqual([page.status, page.headers['set-cookie']], [429, undefined])
  })

  test('moves: sixty of one tunnel in an hour', async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const move = (ipv4: string) => world.askJson(`/api/v1/tunnels/${id}`, 'PATCH', { ipv4 }, bearer(key))
    for (let n = 0; n < 60; n++) assert.equal((await move(`198.51.100.${n + 1}`)).status, 200)
    const answer = await move('198.51.100.100')
    assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [429, 'too-many-requests'])
    assert.ok(Number(answer.headers['retry-after']) > 3000)
    assert.equal((await move('198.51.100.60')).status, 200, 'the address that it has is no move')
  })
})
