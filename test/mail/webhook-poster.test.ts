import assert from 'node:assert/strict'
import type { lookup } from 'node:dns'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createRawServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Letter } from '../../src/mail/carrier.ts'
import { WebhookPoster, type WebhookPosterOptions } from '../../src/mail/webhook-poster.ts'
import { WebhookRules } from '../../src/mail/webhook-rules.ts'
import { makeCertificate } from '../certificate.ts'
import { until } from '../until.ts'

interface Posted {
  readonly request: IncomingMessage
  readonly body: string
}

/** A real HTTP server on loopback that keeps what it is sent. `await using` it. */
class Receiver {
  readonly posted: Posted[] = []
  connections = 0
  open = 0
  readonly url: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', socket => {
      this.connections++
      this.open++
      socket.once('close', () => this.open--)
    })
  }

  static async open(answer: RequestListener = (_request, reply) => void reply.end('{}')): Promise<Receiver> {
    const server = createServer(async (request, reply) => {
      self.posted.push({ request, body: await text(request) })
      answer(request, reply)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const self = new Receiver(server)
    return self
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

function letterTo(to: string, more: Partial<Letter> = {}): Letter {
  return {
    to,
    occasion: 'ending',
    subject: 'alice.ca ends soon',
    text: 'Wake it up: é',
    page: 'https://broker.example.net/tunnels/x',
    reference: '7.1000000.x',
    ...more,
  }
}

function poster(options: Partial<WebhookPosterOptions> = {}): WebhookPoster {
  const rules = { read: (target: string) => ({ kind: 'target', target }) as const }
  return new WebhookPoster({ rules, allowSpecialPurpose: true, patienceMs: 2000, ...options })
}

/** Names whose addresses are as the test says. */
function resolving(...addresses: string[]): typeof lookup {
  const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
  return ((_name: string, _options: object, done: (error: null, all: object[]) => void) =>
    setImmediate(() => done(null, found))) as unknown as typeof lookup
}

test('a notice is posted as ntfy takes it: the text as body, the rest in heads', async () => {
  await using receiver = await Receiver.open()
  assert.deepEqual(await poster().carry(letterTo(`${receiver.url}/topic`)), { kind: 'taken' })
  const [{ request, body } = assert.fail()] = receiver.posted
  assert.deepEqual([request.method, request.url, body], ['POST', '/topic', 'Wake it up: é'])
  const { title, priority, tags, click, 'content-type': type } = request.headers
  assert.deepEqual(
    { title, priority, tags, click, type },
    {
      title: 'alice.ca ends soon',
      priority: 'high',
      tags: 'hourglass',
      click: 'https://broker.example.net/tunnels/x',
      type: 'text/plain; charset=utf-8',
    },
  )
})

test('a title in another alphabet is encoded as RFC 2047 says, and no title makes a head of its own', async () => {
  await using receiver = await Receiver.open()
  const carried = poster()
  await carried.carry(letterTo(receiver.url, { subject: 'alice.ca s’est endormi' }))
  const { title = '' } = receiver.posted[0]?.request.headers ?? {}
  const encoded = /^=\?UTF-8\?B\?(.*)\?=$/.exec(String(title))?.[1] ?? ''
  assert.equal(Buffer.from(encoded, 'base64').toString(), 'alice.ca s’est endormi')
  await carried.carry(letterTo(receiver.url, { subject: 'a\r\nEvil: 1' }))
  assert.equal(receiver.posted[1]?.request.headers.evil, undefined)
})

test('no address but one of the public Internet is connected to, whatever name leads there', async () => {
  await using receiver = await Receiver.open()
  const { port } = new URL(receiver.url)
  const inner = ['127.0.0.1', '10.0.0.1', '192.168.1.1', '100.64.0.1', '169.254.169.254', '0.0.0.0', '::1']
  for (const address of [
    ...inner,
    '::ffff:127.0.0.1',
    'fe80::1',
    'fc00::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
    '224.0.0.1',
  ]) {
    const refused = await poster({ allowSpecialPurpose: false, lookup: resolving(address) }).carry(
      letterTo(`http://ntfy.example:${port}/topic`),
    )
    assert.equal(refused.kind, 'failed', address)
  }
  for (const host of ['127.0.0.1', '[::1]', '0x7f.1', '2130706433', '[::ffff:7f00:1]', 'localhost']) {
    const refused = await poster({ allowSpecialPurpose: false }).carry(
      letterTo(`http://${host}:${port}/topic`),
    )
    assert.equal(refused.kind, 'failed', host)
  }
  assert.equal(receiver.connections, 0)
})

test('a name with one address inside among others outside is posted to at none of them', async () => {
  const options = { allowSpecialPurpose: false, lookup: resolving('9.9.9.9', '127.0.0.1') }
  const failed = await poster(options).carry(letterTo('http://ntfy.example/'))
  assert.match(failed.kind === 'failed' ? failed.reason : '', /127\.0\.0\.1/)
})

test('the address that was checked is connected to: the name is resolved once', async () => {
  await using receiver = await Receiver.open()
  let looks = 0
  const counting = ((...args: Parameters<typeof lookup>) => {
    looks++
    return resolving('127.0.0.1')(...args)
  }) as typeof lookup
  const url = receiver.url.replace('127.0.0.1', 'ntfy.example')
  assert.equal((await poster({ lookup: counting }).carry(letterTo(url))).kind, 'taken')
  assert.equal(looks, 1)
  assert.match(String(receiver.posted[0]?.request.headers.host), /^ntfy\.example:/)
})

test('a host that is not on the list is posted to once it is there again', async () => {
  await using receiver = await Receiver.open()
  const rules = new WebhookRules({ hosts: ['ntfy.sh'], allowHttp: true })
  assert.deepEqual(await poster({ rules }).carry(letterTo(receiver.url)), {
    kind: 'failed',
    reason: 'webhook-host',
    isDown: false,
  })
  assert.equal(receiver.connections, 0)
})

test('a redirection is followed by nobody', async () => {
  await using inner = await Receiver.open()
  await using receiver = await Receiver.open((_request, reply) => {
    reply.writeHead(307, { location: `${inner.url}/admin` }).end()
  })
  const handover = await poster().carry(letterTo(receiver.url))
  assert.deepEqual(handover, { kind: 'failed', reason: 'the reply was 307', isDown: false, isAstray: true })
  assert.equal(inner.connections, 0)
})

test('what may pass is tried again, and what does not is given up', async () => {
  for (const [status, kind] of [
    [200, 'taken'],
    [204, 'taken'],
    [301, 'failed'],
    [308, 'failed'],
    [400, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [408, 'failed'],
    [429, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
  ] as const) {
    await using receiver = await Receiver.open((_request, reply) => void reply.writeHead(status).end())
    assert.equal((await poster().carry(letterTo(receiver.url))).kind, kind, String(status))
  }
})

test('a receiver that stalls, drips or never ends its reply holds nobody up', async () => {
  const endless: RequestListener = (_request, reply) => {
    const write = () => {
      while (reply.write('x'.repeat(65_536))) if (reply.destroyed) return
      reply.once('drain', write)
    }
    reply.on('error', () => undefined)
    write()
  }
  const dripping: RequestListener = (_request, reply) => {
    const timer = setInterval(() => reply.write('.'), 50)
    reply.on('close', () => clearInterval(timer))
  }
  await using stalled = await Receiver.open(() => undefined)
  await using flood = await Receiver.open(endless)
  await using drip = await Receiver.open(dripping)
  assert.equal((await poster({ patienceMs: 400 }).carry(letterTo(stalled.url))).kind, 'failed')
  // It has said so, if late on a busy machine; each try would be told again.
  assert.equal((await poster({ patienceMs: 2000 }).carry(letterTo(drip.url))).kind, 'taken')
  await until(() => drip.open === 0, 'what drips is heard for ever')
  assert.equal((await poster().carry(letterTo(flood.url))).kind, 'taken')
  assert.equal((await poster().carry(letterTo('http://127.0.0.1:1/'))).kind, 'failed')
})

test('a reply that is none ends the try: another protocol, junk, or an end without a word', async t => {
  for (const reply of [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'hello\r\n\r\n',
    '',
  ]) {
    const server = createRawServer(socket =>
      socket.on('error', () => undefined).once('data', () => socket.end(reply)),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const never = new Promise<{ kind: string }>(resolve =>
      setTimeout(resolve, 10_000, { kind: 'never' }).unref(),
    )
    const handover = await Promise.race([poster().carry(letterTo(`http://127.0.0.1:${port}/`)), never])
    assert.equal(handover.kind, 'failed', reply)
  }
})

test('a receiver with a certificate of nobody’s is told nothing', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-webhook-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const { certificate, key } = makeCertificate(directory)
  let requests = 0
  const options = { cert: readFileSync(certificate), key: readFileSync(key) }
  const server = createSecureServer(options, (_request, reply) => {
    requests++
    reply.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  assert.equal((await poster().carry(letterTo(`https://localhost:${port}/`))).kind, 'failed')
  assert.equal(requests, 0)
})

test('a close breaks off what is under way', async () => {
  await using stalled = await Receiver.open(() => undefined)
  const carried = poster({ patienceMs: 60_000 })
  const carrying = carried.carry(letterTo(stalled.url))
  setTimeout(() => carried.close(), 50)
  assert.equal((await carrying).kind, 'failed')
})
