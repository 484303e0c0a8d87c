import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { bearer, type Given, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

suite('the API', () => {
  let world: PortalWorld
  let tunnel: Given

  before(async () => {
    world = await PortalWorld.open()
    tunnel = await world.register({ ipv4: '203.0.113.1', nicname: 'owner', os: 'debian' })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  test('a registration is told whole, with Location, links that work, and the key', async () => {
    const answer = await world.askJson(TUNNELS, 'POST', { ...GOOD, nicname: ' Whole ' })
    const given = JSON.parse(answer.text)
    assert.equal(answer.status, 201)
    assert.equal(answer.headers.location, `${world.url}${TUNNELS}/${given.id}`)
    assert.deepEqual(given, {
      id: given.id,
      name: 'whole.ca.freenet6.net',
      state: 'active',
      kind: 'sit',
      ipv4_client: '192.0.2.77',
      ipv4_server: '192.0.2.1',
      ipv6_client: given.ipv6_server.replace(/1$/, '2'),
      ipv6_server: given.ipv6_server,
      prefix_length: 64,
      mtu: 1480,
      device: given.device,
      creation_time: given.creation_time,
      unreachable: 0,
      unreachable_threshold: 5,
      state_since: given.state_since,
      links: {
        self: `${world.url}${TUNNELS}/${given.id}`,
        script: `${world.url}${TUNNELS}/${given.id}/script?os=linux&action=up`,
        page: `${world.url}/tunnels/${given.id}`,
      },
      key: given.key,
    })
    assert.match(given.key, /^[0-9a-f]{32}$/)
    const script = await world.ask(given.links.script.slice(world.url.length))
    assert.match(script.text, /client_ipv4=192\.0\.2\.77/)
  })

  test('white space around any value of a registration is trimmed', async () => {
    const spaced = {
      ipv4: '\t203.0.113.90\n',
      nicname: ' spaced ',
      country: '\u00a0ca',
      os: 'linux\r\n',
      kind: ' sit ',
    }
    const answer = await world.askJson(TUNNELS, 'POST', spaced)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(JSON.parse(answer.text).name, 'spaced.ca.freenet6.net')
  })

  test('what nobody sees and came along with a copied value is dropped, by form and by program', async () => {
    const copied = {
      ipv4: '\u202a203.0.113.91\u202c',
      nicname: 'un\u00adseen\u200b',
      country: '\ufeffca',
      os: 'linux\u200e',
      kind: 'sit',
    }
    const answer = await world.askJson(TUNNELS, 'POST', copied)
    assert.equal(answer.status, 201, answer.text)
    assert.equal(JSON.parse(answer.text).name, 'unseen.ca.freenet6.net')
    const form = {
      ...copied,
      ipv4: '203.0.113.92\u200b',
      nicname: '\u2060unseen2',
      email: 'a@example.org\u200b',
    }
    assert.equal((await world.post('/register', form)).status, 303)
  })

  test('white space around the system and the action of a script is trimmed, and the same said twice is said once', async () => {
    const plain = await world.ask(`${TUNNELS}/${tunnel.id}/script?os=debian&action=up`)
    for (const query of ['os=debian%20&action=+up%0A', 'os=debian&os=debian&action=up&action=up+']) {
      const spaced = await world.ask(`${TUNNELS}/${tunnel.id}/script?${query}`)
      assert.deepEqual([spaced.status, spaced.text], [200, plain.text], query)
    }
  })

  const EMPTY = ['ipv4-syntax', 'nicname-syntax', 'country-unknown', 'os-unknown']
  const BODIES: readonly (readonly [what: string, body: string | Uint8Array, codes: readonly string[]])[] = [
    ['nothing', '', ['body-syntax']],
    ['broken JSON', '{"ipv4":', ['body-syntax']],
    ['an array', '[]', ['body-syntax']],
    ['null', 'null', ['body-syntax']],
    ['a string', '"ipv4"', ['body-syntax']],
    ['a number', '1', ['body-syntax']],
    ['two objects', '{}{}', ['body-syntax']],
    ['wrong UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), ['body-syntax']],
    ['UTF-16', Buffer.from('{}', 'utf16le'), ['body-syntax']],
    ['JSON a thousand levels deep', `{"ipv4":${'['.repeat(1000)}${']'.repeat(1000)}}`, EMPTY],
    ['an empty object', '{}', EMPTY],
    [
      'numbers, null, arrays and objects as fields',
      '{"ipv4":2130706433,"nicname":null,"country":["ca"],"os":{"id":"linux"}}',
      EMPTY,
    ],
    ['an unknown field', JSON.stringify({ ...GOOD, ipv4: '192.0.2.78', admin: true }), ['field-unknown']],
    ['__proto__ as a field', '{"__proto__":{"ipv4":"192.0.2.7"}}', ['field-unknown', ...EMPTY]],
    [
      'thousands of unknown fields',
      `{${Array.from({ length: 1500 }, (_, n) => `"f${n}":0`).join()}}`,
      [...Array.from({ length: 5 }, () => 'field-unknown'), ...EMPTY],
    ],
    ['a lone surrogate', '{"ipv4":"\\ud800","nicname":"a","country":"ca","os":"linux"}', ['ipv4-syntax']],
  ]
  for (const [what, body, codes] of BODIES) {
    test(`a registration whose body is ${what} says ${codes.join(', ')} and leaves nothing behind`, async () => {
      const count = world.broker.table.count()
      const answer = await world.ask(TUNNELS, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      const document = problemIn(answer)
      assert.equal(document.status, 400)
      assert.deepEqual(
        document.errors.map(({ code }) => code),
        codes,
      )
      assert.ok(answer.text.length < 4096, 'a reply is not much longer than a sentence for each field')
      assert.equal(world.broker.table.count(), count)
    })
  }

  test('each problem of a registration names its field', async () => {
    const { errors } = problemIn(
      await world.askJson(TUNNELS, 'POST', { ...GOOD, ipv4: '127.1', os: 'plan9' }),
    )
    assert.deepEqual(
      errors.map(({ code, field }) => [code, field]),
      [
        ['ipv4-syntax', 'ipv4'],
        ['os-unknown', 'os'],
      ],
    )
  })

  test('a body is taken by its type alone, whatever the case and parameters', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      const headers = { 'content-type': type }
      const answer = await world.ask(TUNNELS, { method: 'POST', headers, body: JSON.stringify(GOOD) })
      assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [415, 'content-type'], type)
    }
    const headers = { 'content-type': 'Application/JSON; charset="utf-8"' }
    assert.equal((await world.ask(TUNNELS, { method: 'POST', headers, body: '{}' })).status, 400)
  })

  const REFUSED_CREDENTIALS: readonly (readonly [what: string, headers: Readonly<Record<string, string>>])[] =
    [
      ['none', {}],
      ['a wrong key', bearer('0'.repeat(32))],
      ['an empty key', { authorization: 'Bearer' }],
      ['a key of control characters', { authorization: 'Bearer a\tb' }],
      ['another scheme', { authorization: `Basic ${Buffer.from('owner:x').toString('base64')}` }],
      ['an endless key', bearer('k'.repeat(8000))],
    ]
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    for (const [what, headers] of REFUSED_CREDENTIALS) {
      test(`${method} with ${what} for credentials is 401 with a challenge, and changes nothing`, async () => {
        const path = `${TUNNELS}/${tunnel.id}`
        const body = { ipv4: '203.0.113.99' }
        const answer = await (method === 'PATCH'
          ? world.askJson(path, method, body, headers)
          : world.ask(path, { method, headers }))
        assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [401, 'unauthorized'])
        assert.match(String(answer.headers['www-authenticate']), /^Bearer realm=/)
        assert.equal(world.broker.table.byId(tunnel.id)?.ipv4Client, '203.0.113.1')
      })
    }
  }

  test('an unknown tunnel looks like a wrong key', async () => {
    const unknown = await world.ask(`${TUNNELS}/aaaaaaaaaaaa`, { headers: bearer(tunnel.key) })
    const wrong = await world.ask(`${TUNNELS}/${tunnel.id}`, { headers: bearer('0'.repeat(32)) })
    assert.deepEqual([unknown.status, unknown.text], [wrong.status, wrong.text])
  })

  test('the key of one tunnel does not open another', async () => {
    const other = await world.register({ ipv4: '203.0.113.2', nicname: 'other' })
    assert.equal((await world.ask(`${TUNNELS}/${tunnel.id}`, { headers: bearer(other.key) })).status, 401)
  })

  test('PATCH moves a tunnel after the same checks; the same address again is fine', async () => {
    const mine = await world.register({ ipv4: '203.0.113.3', nicname: 'mover' })
    const path = `${TUNNELS}/${mine.id}`
    const key = bearer(mine.key)
    const moved = await world.askJson(path, 'PATCH', { ipv4: ' 203.0.113.4 ' }, key)
    assert.deepEqual([moved.status, JSON.parse(moved.text).ipv4_client], [200, '203.0.113.4'])
    assert.equal(JSON.parse(moved.text).key, undefined)
    assert.equal((await world.askJson(path, 'PATCH', { ipv4: '203.0.113.4' }, key)).status, 200)
    for (const [body, code] of [
      [{ ipv4: '203.0.113.1' }, 'ipv4-in-use'],
      [{ ipv4: '224.0.0.1' }, 'ipv4-special'],
      [{ ipv4: 7 }, 'ipv4-syntax'],
      [{}, 'ipv4-syntax'],
      [{ ipv4: '203.0.113.5', nicname: 'else' }, 'field-unknown'],
      [[], 'body-syntax'],
    ] as const)
      assert.equal(problemIn(await world.askJson(path, 'PATCH', body, key)).code, code)
    assert.equal(world.broker.table.byId(mine.id)?.ipv4Client, '203.0.113.4')
  })

  test('DELETE is 204 without a body, a second time too, and the tunnel is not found with its key', async () => {
    const mine = await world.register({ ipv4: '203.0.113.6', nicname: 'leaver' })
    const path = `${TUNNELS}/${mine.id}`
    const answer = await world.ask(path, { method: 'DELETE', headers: bearer(mine.key) })
    assert.deepEqual([answer.status, answer.text, answer.headers['content-length']], [204, '', undefined])
    for (let again = 0; again < 2; again++)
      assert.equal((await world.ask(path, { method: 'DELETE', headers: bearer(mine.key) })).status, 204)
    for (const method of ['GET', 'PATCH'])
      assert.equal(problemIn(await world.ask(path, { method, headers: bearer(mine.key) })).code, 'not-found')
    const wrong = bearer('0'.repeat(32))
    assert.equal((await world.ask(path, { method: 'DELETE', headers: wrong })).status, 401)
  })

  test('two DELETEs at a time are 204 both', async () => {
    const mine = await world.register({ ipv4: '203.0.113.7', nicname: 'twice' })
    const leave = () => world.ask(`${TUNNELS}/${mine.id}`, { method: 'DELETE', headers: bearer(mine.key) })
    const answers = await Promise.all([leave(), leave()])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 204],
    )
  })

  for (const os of ['linux', 'debian', 'freebsd', 'macos', 'windows']) {
    for (const action of ['up', 'down']) {
      test(`the script for ${os}, ${action}, is text with a file name and the tunnel’s own values`, async () => {
        const answer = await world.ask(`${TUNNELS}/${tunnel.id}/script?os=${os}&action=${action}`)
        assert.equal(answer.status, 200)
        assert.match(String(answer.headers['content-type']), /^text\/plain; charset=utf-8$/)
        const ending = os === 'windows' ? 'cmd' : 'sh'
        assert.equal(
          answer.headers['content-disposition'],
          `attachment; filename="freenet6-${action}.${ending}"`,
        )
        if (action === 'up') assert.match(answer.text, /203\.0\.113\.1/)
      })
    }
  }

  test('a script is by default the one that makes the tunnel, for the system that was registered', async () => {
    const path = `${TUNNELS}/${tunnel.id}/script`
    assert.equal((await world.ask(path)).text, (await world.ask(`${path}?os=debian&action=up`)).text)
    assert.equal((await world.ask(path, { headers: bearer(tunnel.key) })).status, 200)
  })

  for (const [query, headers, status, code] of [
    ['?os=plan9', {}, 400, 'os-unknown'],
    ['?os=', {}, 400, 'os-unknown'],
    ['?os=__proto__', {}, 400, 'os-unknown'],
    ['?os=linux&os=debian', {}, 400, 'os-unknown'],
    ['?action=sideways', {}, 400, 'action-unknown'],
    ['?action=up&action=down', {}, 400, 'action-unknown'],
    ['?action=notes', {}, 400, 'action-unknown'],
    ['', bearer('0'.repeat(32)), 401, 'unauthorized'],
    ['', { authorization: 'Basic eDp5' }, 401, 'unauthorized'],
  ] as const) {
    test(`a script asked for with “${query}” and ${Object.values(headers)[0] ?? 'no key'} is ${code}`, async () => {
      const document = problemIn(await world.ask(`${TUNNELS}/${tunnel.id}/script${query}`, { headers }))
      assert.deepEqual([document.status, document.code], [status, code])
    })
  }

  test('no request was a fault', () => {
    assert.deepEqual(world.faults, [])
  })
})

test('what admission only warns of is told with the tunnel, at registration and at a move', async () => {
  await using world = await PortalWorld.open(LAB.replace('reachability = "off"', 'reachability = "warn"'))
  world.silent.add('192.0.2.77').add('192.0.2.78')
  const given = await world.register()
  assert.deepEqual(
    given.warnings?.map(({ code, field }) => [code, field]),
    [['ipv4-unreachable', 'ipv4']],
  )
  const moved = await world.askJson(
    `${TUNNELS}/${given.id}`,
    'PATCH',
    { ipv4: '192.0.2.78' },
    bearer(given.key),
  )
  assert.equal((JSON.parse(moved.text) as Given).warnings?.[0]?.code, 'ipv4-unreachable')
  const again = await world.askJson(
    `${TUNNELS}/${given.id}`,
    'PATCH',
    { ipv4: '192.0.2.79' },
    bearer(given.key),
  )
  assert.equal((JSON.parse(again.text) as Given).warnings, undefined)
})
