import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { type Given, LAB, PortalWorld, problemIn } from './portal-world.ts'

const PAGE = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const PROGRAM = { accept: 'application/problem+json, application/json' }

/** Sends a request's head as it stands; resolves with all that comes until the connection is closed. */
async function exchange({ url }: PortalWorld, head: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return text(socket)
}

suite('routes', () => {
  let world: PortalWorld
  let tunnel: Given

  before(async () => {
    world = await PortalWorld.open()
    tunnel = await world.register()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  const ANSWERS: readonly (readonly [path: string, status: number, type: RegExp])[] = [
    ['/', 200, /^text\/html; charset=utf-8$/],
    ['/register/linux', 200, /^text\/html/],
    ['/register/debian', 200, /^text\/html/],
    ['/register/freebsd', 200, /^text\/html/],
    ['/register/macos', 200, /^text\/html/],
    ['/register/windows', 200, /^text\/html/],
    ['/register/plan9', 404, /^text\/html/],
    ['/errors', 200, /^text\/html/],
    ['/tunnels', 200, /^text\/html/],
    ['/tunnels/aaaaaaaaaaaa', 200, /^text\/html/],
    ['/style.css', 200, /^text\/css/],
    ['/openapi.json', 200, /^application\/json/],
    ['/status', 200, /^text\/html/],
    ['/geofeed.csv', 200, /^text\/csv; charset=utf-8$/],
    ['/.well-known/security.txt', 200, /^text\/plain; charset=utf-8$/],
    ['/icon.svg', 200, /^image\/svg\+xml/],
    ['/healthz', 200, /^application\/json/],
    ['/metrics', 200, /^text\/plain/],
    ['/nic/update', 401, /^text\/plain/],
    ['/api/v1/tunnels/aaaaaaaaaaaa', 401, /^application\/problem\+json/],
    ['/api/v1/tunnels/aaaaaaaaaaaa/script', 404, /^application\/problem\+json/],
    ['/nowhere', 404, /^text\/html/],
    ['/Tunnels', 404, /^text\/html/],
    ['/tunnels/', 404, /^text\/html/],
    ['/NIC/update', 404, /^text\/html/],
    ['/ip', 200, /^text\/plain/],
    ['/API/v1/tunnels/aaaaaaaaaaaa', 404, /^text\/html/],
    ['/api/v2/tunnels', 404, /^application\/problem\+json/],
    ['/tunnels/%E0%A4%A', 200, /^text\/html/],
    ['/register/%00', 404, /^text\/html/],
    ['/..%2f..%2fetc%2fpasswd', 404, /^text\/html/],
  ]
  for (const [path, status, type] of ANSWERS) {
    test(`GET ${path} is answered with ${status}, and HEAD with the same head alone`, async () => {
      const get = await world.ask(path, { headers: PAGE })
      assert.equal(get.status, status, get.text)
      assert.match(String(get.headers['content-type']), type)
      assert.equal(Number(get.headers['content-length']), Buffer.byteLength(get.text))
      if (path === '/nic/update') return // its GET writes: HEAD is refused
      const head = await world.ask(path, { method: 'HEAD', headers: PAGE })
      assert.deepEqual([head.status, head.text], [status, ''])
      assert.equal(head.headers['content-length'], get.headers['content-length'])
    })
  }

  const METHODS: readonly (readonly [path: string, allow: readonly string[]])[] = [
    ['/', ['GET', 'HEAD']],
    ['/register', ['POST']],
    ['/register/linux', ['GET', 'HEAD']],
    ['/tunnels', ['GET', 'HEAD', 'POST']],
    ['/tunnels/aaaaaaaaaaaa', ['GET', 'HEAD']],
    ['/tunnels/aaaaaaaaaaaa/endpoint', ['POST']],
    ['/tunnels/aaaaaaaaaaaa/delete', ['POST']],
    ['/tunnels/aaaaaaaaaaaa/script', ['GET', 'HEAD']],
    ['/api/v1/tunnels', ['POST']],
    ['/api/v1/tunnels/aaaaaaaaaaaa', ['DELETE', 'GET', 'HEAD', 'PATCH']],
    ['/api/v1/tunnels/aaaaaaaaaaaa/script', ['GET', 'HEAD']],
    ['/nic/update', ['GET', 'POST']],
    ['/healthz', ['GET', 'HEAD']],
    ['/metrics', ['GET', 'HEAD']],
    ['/style.css', ['GET', 'HEAD']],
  ]
  for (const [path, allow] of METHODS) {
    test(`${path} refuses every other method with 405 and says which it takes (RFC 9110 15.5.6)`, async () => {
      const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']
      for (const method of others.filter(name => !allow.includes(name))) {
        const answer = await world.ask(path, { method, headers: PROGRAM })
        assert.equal(answer.status, 405, method)
        assert.deepEqual(String(answer.headers.allow).split(', ').sort(), allow, method)
        if (method !== 'HEAD' && path !== '/nic/update')
          assert.equal(problemIn(answer).code, 'method-not-allowed')
      }
      if (path === '/nic/update') return
      const options = await world.ask(path, { method: 'OPTIONS' })
      assert.deepEqual([options.status, options.text], [200, ''])
      assert.deepEqual(String(options.headers.allow).split(', ').sort(), allow)
    })
  }

  test('a program that asks for what the API has not is told where all that it has is listed', async () => {
    for (const path of ['/api/v1/', '/api/v1/tunnel', '/api/v2/tunnels']) {
      const { code, detail } = problemIn(await world.ask(path, { headers: { accept: 'text/html' } }))
      assert.equal(code, 'not-found')
      assert.match(detail, /\/openapi\.json/)
      assert.doesNotMatch(detail, /page/)
    }
    assert.equal((await world.ask('/openapi.json')).status, 200)
  })

  test('an unknown path is 404 by every method', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
      assert.equal((await world.ask('/nowhere', { method })).status, 404, method)
  })

  test('a refusal is a page for people and a problem document for programs, by Accept', async () => {
    const page = await world.ask('/nowhere', { headers: PAGE })
    assert.match(page.text, /<h1>There is no such thing here<\/h1>/)
    for (const accept of [
      PROGRAM.accept,
      'application/json',
      'application/problem+json, */*;q=0.1',
      'text/plain',
    ]) {
      const document = problemIn(await world.ask('/nowhere', { headers: { accept } }))
      assert.deepEqual(Object.keys(document).sort(), ['code', 'detail', 'errors', 'status', 'title', 'type'])
      assert.deepEqual([document.code, document.status], ['not-found', 404])
      assert.equal(document.type, `${world.url}/errors#not-found`)
    }
  })

  test('links to other languages stay on our site, whatever slashes the path begins with', async () => {
    for (const path of ['//evil.example/x', '///evil.example/x', '/\\\\evil.example/x', '//']) {
      const page = await world.ask(path, { headers: PAGE })
      assert.equal(page.status, 404)
      const [, href = ''] = /<a href="([^"]*)" lang="fr"/.exec(page.text) ?? []
      const link = href.replaceAll('&#x3D;', '=')
      assert.match(link, /\?lang=fr$/)
      assert.equal(new URL(link, `${world.url}${path}`).origin, world.url, link)
    }
  })

  test('the type of a problem leads to its line on the page of codes', async () => {
    const { type } = problemIn(await world.ask('/api/nowhere'))
    const [url = '', anchor = ''] = type.split('#')
    const page = await world.ask(url.slice(world.url.length))
    assert.ok(page.text.includes(`<tr id="${anchor}">`))
  })

  test('the API answers in problem documents whatever Accept says', async () => {
    problemIn(await world.ask('/api/v1/tunnels/x', { headers: PAGE }))
  })

  test('every answer forbids scripts, frames and guessing of types; nothing says HSTS without TLS', async () => {
    for (const path of ['/', '/nowhere', '/api/v1/tunnels/x', '/nic/update', '/style.css', '/healthz']) {
      const { headers } = await world.ask(path)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none';/, path)
      assert.match(policy, /frame-ancestors 'none'/, path)
      assert.doesNotMatch(policy, /unsafe|\*|https?:/, path)
      assert.equal(headers['x-content-type-options'], 'nosniff', path)
      assert.equal(headers['strict-transport-security'], undefined, path)
    }
  })

  test('pages and the API are never stored; stylesheet and icon are, and are asked again by their ETag', async () => {
    for (const path of [
      '/',
      '/register/linux',
      '/tunnels',
      '/nowhere',
      '/healthz',
      `/api/v1/tunnels/${tunnel.id}`,
    ])
      assert.equal((await world.ask(path)).headers['cache-control'], 'no-store', path)
    for (const path of ['/style.css', '/icon.svg']) {
      const first = await world.ask(path)
      assert.match(String(first.headers['cache-control']), /^max-age=/)
      const etag = String(first.headers.etag)
      for (const method of ['GET', 'HEAD']) {
        const again = await world.ask(path, { method, headers: { 'if-none-match': etag } })
        assert.deepEqual([again.status, again.text], [304, ''], `${method} ${path}`)
      }
      const changed = await world.ask(path, { headers: { 'if-none-match': '"other"' } })
      assert.equal(changed.status, 200)
    }
  })

  test('a conditional request for a page gets the page: it changes with its visitor', async () => {
    const headers = { 'if-none-match': '*', 'if-modified-since': new Date().toUTCString() }
    for (const method of ['GET', 'HEAD'])
      assert.equal((await world.ask('/', { method, headers })).status, 200, method)
  })

  test('the health check turns 503 with its reasons, and back', async () => {
    world.reasons.push('127.0.0.1:53 over UDP did not answer')
    const sick = await world.ask('/healthz')
    world.reasons.length = 0
    assert.equal(sick.status, 503)
    assert.deepEqual(JSON.parse(sick.text), {
      status: 'unhealthy',
      reasons: ['127.0.0.1:53 over UDP did not answer'],
    })
    assert.equal((await world.ask('/healthz')).status, 200)
  })

  test('what is not HTTP is answered with 400 and nothing else, and the portal lives on', async () => {
    for (const junk of [
      '\u0016\u0003\u0001\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    ]) {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(world.url).port) })
      socket.write(junk)
      assert.match(await text(socket), /^HTTP\/1\.1 4\d\d /)
    }
    assert.equal((await world.ask('/')).status, 200)
  })

  for (const target of ['http://[x/', 'http://%E0%A4%A@h/', 'foo://x'])
    test(`a target that is no URL, ${target}, is a problem with 400 and the usual headers, whoever asks`, async () => {
      for (const head of ['GET', 'POST'])
        for (const { accept, type } of [
          { ...PAGE, type: 'text/html' },
          { ...PROGRAM, type: 'application/problem+json' },
        ]) {
          const answer = await exchange(world, [
            `${head} ${target} HTTP/1.1`,
            `Host: ${new URL(world.url).host}`,
            `Accept: ${accept}`,
            'Content-Length: 0',
            'Connection: close',
          ])
          assert.match(answer, /^HTTP\/1\.1 400 /)
          assert.match(answer, new RegExp(`^content-type: ${type.replace('+', '[+]')}`, 'im'))
          assert.match(answer, /^content-security-policy: default-src 'none';/im)
          assert.match(answer, /^cache-control: no-store\r$/im)
          assert.match(answer, /target-syntax/)
        }
    })

  test('a target in absolute form is answered like its path (RFC 9112 3.2.2)', async () => {
    const { host } = new URL(world.url)
    const answer = await exchange(world, [
      `GET http://${host}/tunnels HTTP/1.1`,
      `Host: ${host}`,
      'Accept: text/html',
      'Connection: close',
    ])
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.match(answer, /<h1>Open your tunnel<\/h1>/)
  })

  test('no request was a fault', () => {
    assert.deepEqual(world.faults, [])
  })
})

test('behind TLS every answer carries HSTS, and links and problem types name the public URL', async () => {
  await using world = await PortalWorld.open(
    LAB.replace('[web]', '[web]\npublic_url = "https://broker.example.net"'),
  )
  for (const path of ['/', '/nowhere', '/api/v1/tunnels/x', '/style.css'])
    assert.match(
      String((await world.ask(path)).headers['strict-transport-security']),
      /^max-age=\d{8}$/,
      path,
    )
  const { links } = await world.register()
  for (const link of Object.values(links)) assert.match(link, /^https:\/\/broker\.example\.net\//)
  const { type } = problemIn(await world.ask('/api/nowhere'))
  assert.equal(type, 'https://broker.example.net/errors#not-found')
})

test('a fault of ours is one sentence to the visitor, and the whole story in the log', async () => {
  await using world = await PortalWorld.open()
  const { id, key } = await world.register()
  world.broker.table.byId = () => {
    throw new Error('secret detail')
  }
  const answer = await world.ask(`/api/v1/tunnels/${id}`, { headers: { authorization: `Bearer ${key}` } })
  assert.equal(problemIn(answer).code, 'internal')
  assert.doesNotMatch(answer.text, /secret|at .*\.ts/)
  const page = await world.ask(`/tunnels/${id}/script`, { headers: PAGE })
  assert.equal(page.status, 500)
  assert.doesNotMatch(page.text, /secret|at .*\.ts/)
  assert.equal(world.faults.length, 2)
})
