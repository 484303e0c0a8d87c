import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { PortalWorld } from './portal-world.ts'

const HOST = 'Host: 127.0.0.1'

suite('a request that can’t be read is refused with a code and a sentence', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  function dial(): Socket {
    const { hostname, port } = new URL(world.url)
    return connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  }

  async function send(octets: string): Promise<string> {
    const socket = dial()
    socket.write(octets)
    const reply = await text(socket)
    socket.destroy()
    return reply
  }

  const REQUESTS: readonly (readonly [what: string, octets: string, status: number, code: string])[] = [
    ['an unknown method', `BREW / HTTP/1.1\r\n${HOST}\r\n\r\n`, 400, 'request-syntax'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'request-syntax'],
    ['a header without a name', `GET / HTTP/1.1\r\n${HOST}\r\n: x\r\n\r\n`, 400, 'request-syntax'],
    [
      'two lengths',
      `POST /register HTTP/1.1\r\n${HOST}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
      400,
      'request-syntax',
    ],
    ['a long address', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n${HOST}\r\n\r\n`, 431, 'head-too-large'],
    [
      'many cookies',
      `GET / HTTP/1.1\r\n${HOST}\r\nCookie: ${'a=b; '.repeat(14_000)}\r\n\r\n`,
      431,
      'head-too-large',
    ],
    [
      'no host',
      'GET / HTTP/1.1\r\nAccept: application/json\r\nConnection: close\r\n\r\n',
      400,
      'host-missing',
    ],
    [
      'an unknown expectation',
      `POST /api/v1/tunnels HTTP/1.1\r\n${HOST}\r\nConnection: close\r\nExpect: coffee\r\nContent-Length: 0\r\n\r\n`,
      417,
      'expectation-unknown',
    ],
  ]
  for (const [what, octets, status, code] of REQUESTS) {
    test(`${what}: ${status}, ${code}`, async () => {
      const reply = await send(octets)
      const [head = '', body = ''] = reply.split('\r\n\r\n', 2)
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} \\S`))
      assert.match(head, /\r\ncontent-type: application\/problem\+json/i)
      assert.match(head, new RegExp(`\r\ncontent-length: ${Buffer.byteLength(body)}(\r\n|$)`, 'i'))
      const document = JSON.parse(body)
      assert.deepEqual([document.status, document.code, document.errors[0].code], [status, code, code])
      assert.match(document.detail, /\.$/)
    })
  }

  test('HTTP/1.0 needs no host, and 100-continue is fulfilled', async () => {
    assert.match(await send('GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /)
    const asked = `GET /healthz HTTP/1.1\r\n${HOST}\r\nConnection: close\r\nExpect: 100-Continue\r\n\r\n`
    assert.match(await send(asked), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  })

  test('what follows a request on its connection and can’t be read takes nothing of its reply', async () => {
    const reply = await send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n\r\nBREW\r\n\r\n`)
    assert.match(reply, /^HTTP\/1\.1 200 .*"status":"ok"\}$/s)
  })

  test('a body whose chunks can’t be read is refused, and the connection ends', async () => {
    const head = `POST /api/v1/tunnels HTTP/1.1\r\n${HOST}\r\nContent-Type: application/json`
    const reply = await send(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n`)
    assert.match(reply, /^HTTP\/1\.1 400 .*"code":"request-syntax"/s)
  })
})
