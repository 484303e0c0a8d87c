import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MailServer, type Received } from '../mail/mail-server.ts'
import { runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

/** A mail server that hears everything and says too little. `await using` it. */
class StalledMailServer {
  readonly port: number
  /** Connections and mails that it was given. */
  connections = 0
  mails = 0
  readonly #server: NetServer
  readonly #sockets = new Set<Socket>()

  private constructor(server: NetServer) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** `until`: what it no longer answers. */
  static async open(until: 'greeting' | 'end of mail'): Promise<StalledMailServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const self = new StalledMailServer(server)
    server.on('connection', socket => self.#serve(socket, until))
    return self
  }

  #serve(socket: Socket, until: 'greeting' | 'end of mail'): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    if (until === 'greeting') return
    let isData = false
    let mail = ''
    socket.write('220 sink\r\n')
    socket.on('data', chunk => {
      const text = chunk.toString('latin1')
      if (isData) {
        mail += text
        if (mail.endsWith('\r\n.\r\n')) this.mails++
        return
      }
      isData = text.startsWith('DATA')
      socket.write(isData ? '354 go on\r\n' : '250 yes\r\n')
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

function configFor(port: number): string {
  return `
[mail]
smtp = "smtp://127.0.0.1:${port}"
from = "broker@example.net"
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
}

async function register(
  server: Server,
  wish: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly id: string }> {
  const reply = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ipv4: '192.0.2.7', nicname: 'alice', country: 'ca', os: 'linux', ...wish }),
  })
  assert.equal(reply.status, 201)
  return (await reply.json()) as { readonly id: string }
}

function waiting(dir: string): number {
  const database = new DatabaseSync(join(dir, 'data', 'freenet6.db'), { readOnly: true })
  try {
    return Number(database.prepare('SELECT count(*) AS n FROM notices').get()?.n)
  } finally {
    database.close()
  }
}

function confirmationIn({ text }: Received): string {
  return /(\/notices\/\S+)/.exec(text)?.[1] ?? assert.fail(text)
}

for (const stalledAt of ['greeting', 'end of mail'] as const) {
  test(`kill -9 while the mail server stalls at the ${stalledAt}: the next process sends the mail, once`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'freenet6-notices-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const stalled = await StalledMailServer.open(stalledAt)
    const config = configFor(stalled.port)
    await using first = await startServer({ dir, config })
    await register(first, { email: 'alice@example.org' })
    await until(() => (stalledAt === 'greeting' ? stalled.connections > 0 : stalled.mails > 0))
    await first.kill()
    await stalled[Symbol.asyncDispose]()
    assert.equal(waiting(dir), 1)

    await using mails = await MailServer.open({ port: stalled.port })
    await using second = await startServer({ dir, config })
    assert.deepEqual((await mails.next()).to, ['alice@example.org'])
    await until(() => waiting(dir) === 0)
    await second.kill()
    await using third = await startServer({ dir, config })
    await sleep(500)
    assert.deepEqual(mails.received, [])
    assert.equal(await third.stop(), 0)
  })
}

test('a stop while the mail server stalls takes no longer, and the next process sends the mail at once', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-notices-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const stalled = await StalledMailServer.open('end of mail')
  const config = configFor(stalled.port)
  await using first = await startServer({ dir, config })
  await register(first, { email: 'alice@example.org' })
  await until(() => stalled.mails > 0)
  assert.equal(await first.stop(), 0)
  assert.equal(waiting(dir), 1)
  await stalled[Symbol.asyncDispose]()

  await using mails = await MailServer.open({ port: stalled.port })
  await using second = await startServer({ dir, config }) // what we broke off ourselves was no failure: nothing waits for that
  assert.deepEqual((await mails.next()).to, ['alice@example.org'])
  assert.equal(await second.stop(), 0)
})

test('a confirmation works after kill -9, and a warning that was made before it comes after it', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-notices-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const mails = await MailServer.open()
  const config = configFor(Number(new URL(mails.url).port))
  await using first = await startServer({ dir, config })
  const { id } = await register(first, { email: 'alice@example.org' })
  const path = confirmationIn(await mails.next())
  await until(() => waiting(dir) === 0)
  await first.kill()
  await mails[Symbol.asyncDispose]()

  await using second = await startServer({ dir, config })
  const answer = await fetch(`${second.web}${path}`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ wanted: 'yes' }),
  })
  assert.equal(answer.status, 200)
  await second.kill()

  const stalled = await StalledMailServer.open('greeting')
  await using third = await startServer({ dir, config: configFor(stalled.port) })
  const file = join(dir, 'freenet6.toml')
  assert.equal((await runCli(['tunnel', 'suspend', id, '--config', file])).code, 0)
  await until(() => stalled.connections > 0)
  await third.kill()
  await stalled[Symbol.asyncDispose]()

  await using others = await MailServer.open({ port: stalled.port })
  await using fourth = await startServer({ dir, config: configFor(stalled.port) })
  assert.match((await others.next()).text, /^Subject: alice\.ca\.freenet6\.net is suspended\r$/m)
  assert.equal((await runCli(['tunnel', 'delete', id, '--config', file])).code, 0)
  assert.match((await others.next()).text, /^Subject: alice\.ca\.freenet6\.net was deleted\r$/m)
  await until(() => waiting(fourth.dir) === 0)
})

test('an owner who leaves a URL is told the same there, in their language, through kill -9 too', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-notices-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const posted: { path: string; title: string; click: string }[] = []
  let isStalled = false
  const receiver = createHttpServer((request, reply) => {
    const { title = '', click = '' } = request.headers
    if (isStalled) return
    posted.push({ path: request.url ?? '', title: titleOf(String(title)), click: String(click) })
    request.resume().once('end', () => reply.end('{}'))
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  t.after(() => {
    receiver.closeAllConnections()
    receiver.close()
  })
  const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`
  const config = `[webhook]\nhosts = ["${host}"]\n${configFor(1).replace(/\[mail\][^[]*/, '')}`
  await using first = await startServer({ dir, config })
  const wish = { webhook: `http://${host}/topic` }
  const { id } = await register(first, wish, { 'accept-language': 'fr' })
  await until(() => posted.length === 1)
  assert.deepEqual(
    [posted[0]?.path, posted[0]?.title],
    ['/topic', 'Voulez-vous des nouvelles de alice.ca.freenet6.net ?'],
  )
  const answer = await fetch(posted[0]?.click ?? '', {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ wanted: 'yes' }),
  })
  assert.equal(answer.status, 200)
  isStalled = true
  const file = join(dir, 'freenet6.toml')
  assert.equal((await runCli(['tunnel', 'suspend', id, '--config', file])).code, 0)
  await first.kill()
  isStalled = false
  await using second = await startServer({ dir, config })
  await until(() => posted.length === 2)
  assert.equal(posted[1]?.title, 'alice.ca.freenet6.net est suspendu')
  await until(() => waiting(second.dir) === 0)
})

/** RFC 2047 2. */
function titleOf(head: string): string {
  const encoded = /^=\?UTF-8\?B\?(.*)\?=$/.exec(head)?.[1]
  return encoded === undefined ? head : Buffer.from(encoded, 'base64').toString()
}
