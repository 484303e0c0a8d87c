import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Given, PortalWorld } from './portal-world.ts'

const TEN_MEGABYTES = 10_000_000
const CHUNK = Buffer.alloc(100_000, 'a')

suite('large and broken bodies', () => {
  let world: PortalWorld
  let tunnel: Given

  before(async () => {
    world = await PortalWorld.open()
    tunnel = await world.register()
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  function dial(): Socket {
    const { hostname, port } = new URL(world.url)
    return connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  }

  /** Sends all 10 MB before it looks at the reply, as a simple client does. Rejects where the connection is reset. */
  async function sendTenMegabytes(
    head: readonly string[],
    frame: (chunk: Buffer) => Buffer,
  ): Promise<string> {
    const socket = dial()
    socket.write(`${[...head, 'Host: 127.0.0.1', 'Accept: application/json'].join('\r\n')}\r\n\r\n`)
    for (let sent = 0; sent < TEN_MEGABYTES; sent += CHUNK.length)
      if (!socket.write(frame(CHUNK))) await once(socket, 'drain')
    let reply = ''
    socket.setEncoding('utf8').on('data', chunk => {
      reply += chunk
      if (reply.endsWith('}')) socket.end()
    })
    await once(socket, 'end')
    socket.destroy()
    return reply
  }

  const WRITES: readonly (readonly [line: string, type: string, status: number])[] = [
    ['POST /api/v1/tunnels HTTP/1.1', 'application/json', 413],
    ['POST /register HTTP/1.1', 'application/x-www-form-urlencoded', 413],
    ['POST /tunnels HTTP/1.1', 'application/x-www-form-urlencoded', 413],
    ['POST /api/v1/tunnels HTTP/1.1', 'text/plain', 415],
    ['PATCH /api/v1/tunnels/aaaaaaaaaaaa HTTP/1.1', 'application/json', 401],
    ['POST /nowhere HTTP/1.1', 'application/json', 404],
  ]
  for (const [line, type, status] of WRITES) {
    test(`the client that sends 10 MB with ${line}, ${type}, sees ${status}`, async () => {
      const head = [line, `Content-Type: ${type}`, `Content-Length: ${TEN_MEGABYTES}`, 'Connection: close']
      const reply = await sendTenMegabytes(head, chunk => chunk)
      assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `))
    })
  }

  test('10 MB in chunks, of a length that nobody announced, are 413 as well', async () => {
    const head = [
      'POST /api/v1/tunnels HTTP/1.1',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    ]
    const size = CHUNK.length.toString(16)
    const reply = await sendTenMegabytes(head, chunk =>
      Buffer.concat([Buffer.from(`${size}\r\n`), chunk, Buffer.from('\r\n')]),
    )
    assert.match(reply, /^HTTP\/1\.1 413 /)
    assert.match(reply, /"code":"body-too-large"/)
  })

  test('PATCH with the right key and 10 MB is 413 and moves nothing', async () => {
    const reply = await sendTenMegabytes(
      [
        `PATCH /api/v1/tunnels/${tunnel.id} HTTP/1.1`,
        `Authorization: Bearer ${tunnel.key}`,
        'Content-Type: application/json',
        `Content-Length: ${TEN_MEGABYTES}`,
      ],
      chunk => chunk,
    )
    assert.match(reply, /^HTTP\/1\.1 413 /)
    assert.equal(world.broker.table.byId(tunnel.id)?.ipv4Client, tunnel.ipv4_client)
  })

  test('a body of exactly the limit is read, one octet more is not', async () => {
    for (const [length, status] of [
      [16_384, 400],
      [16_385, 413],
    ] as const) {
      const answer = await world.ask('/api/v1/tunnels', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ' '.repeat(length),
      })
      assert.equal(answer.status, status, `${length} octets`)
    }
  })

  test('a client that goes away in the middle of its body leaves nothing behind, and is no fault', async () => {
    const count = world.broker.table.count()
    const socket = dial()
    socket.write(
      'POST /api/v1/tunnels HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"ipv4":',
    )
    await sleep(50)
    socket.destroy()
    await sleep(50)
    assert.equal((await world.ask('/')).status, 200)
    assert.equal(world.broker.table.count(), count)
    assert.deepEqual(world.faults, [])
  })
})
