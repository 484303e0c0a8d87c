import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionLimit } from '../../src/portal/connection-limit.ts'
import { Customers } from '../../src/registration/customers.ts'
import { type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { LAB, PortalWorld, problemIn } from './portal-world.ts'

const SLOW_POSTS = 2000
const HONEST_VISITORS = 60
const SLOW_HEAD =
  'POST /api/v1/tunnels HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{'

suite('a crowd from one address', () => {
  let server: Server
  const slow = new Set<Socket>()

  before(async () => {
    server = await startServer({ config: LAB })
  })
  after(async () => {
    for (const socket of slow) socket.destroy()
    await server[Symbol.asyncDispose]()
  })

  /** A post that begins and never ends. */
  function postSlowly(localAddress = '127.0.0.2'): void {
    const socket = connect({
      port: Number(new URL(server.web).port),
      host: '127.0.0.1',
      localAddress,
    })
    slow.add(socket)
    socket.on('error', () => undefined)
    socket.on('connect', () => socket.write(SLOW_HEAD))
    socket.on('close', () => slow.delete(socket))
  }

  /** Each visitor has an address, an endpoint and a name of its own. */
  async function visit(n: number, word = 'honest'): Promise<number> {
    const body = JSON.stringify({
      ipv4: `${word === 'honest' ? '198.51.100' : '203.0.113'}.${n}`,
      nicname: `${word}${n}`,
      country: 'ca',
      os: 'linux',
    })
    const outgoing = request(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      agent: false as unknown as Agent,
      localAddress: `127.0.0.${n + 10}`,
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    })
    outgoing.end(body)
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
    await text(reply)
    return reply.statusCode ?? 0
  }

  test('of 2,000 posts that never end keeps nobody else from being served', async () => {
    for (let n = 0; n < SLOW_POSTS; n++) {
      postSlowly()
      if (n % 100 === 99) await sleep(10)
    }
    const statuses = await Promise.all(Array.from({ length: HONEST_VISITORS }, (_, n) => visit(n + 1)))
    assert.deepEqual(
      statuses.filter(status => status !== 201),
      [],
    )
    await until(() => slow.size <= 64, 'the crowd is still there')
  })

  test('nor do 2,000 of forty addresses, each with fewer than one may have, which come back when they are closed', async () => {
    for (const socket of slow) socket.destroy()
    let isOver = false
    const keepPosting = (from: string) => {
      if (isOver) return
      postSlowly(from)
      const [socket] = [...slow].slice(-1)
      socket?.once('close', () => setTimeout(() => keepPosting(from), 100).unref())
    }
    for (let n = 0; n < SLOW_POSTS; n++) {
      keepPosting(`127.77.0.${(n % 40) + 1}`)
      if (n % 100 === 99) await sleep(20)
    }
    const visits = Array.from({ length: HONEST_VISITORS }, (_, n) => visit(n + 1, 'guest'))
    const statuses = await Promise.all(visits)
    isOver = true
    assert.deepEqual(
      statuses.filter(status => status !== 201),
      [],
    )
    assert.ok(slow.size > SLOW_POSTS / 2, `the crowd was ${slow.size}`)
  })
})

test('over the bound of all nobody goes whose request is at work while others are silent, whoever has most', async () => {
  const waiting: ServerResponse[] = []
  const server = createServer((_, response) => void waiting.push(response))
  new ConnectionLimit({
    perAddress: 64,
    inAll: 4,
    customers: new Customers([]),
    isExempt: () => false,
  }).watch(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  const closed: string[] = []
  const dial = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => undefined)
    socket.once('close', () => closed.push(localAddress))
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  try {
    for (let n = 0; n < 2; n++) (await dial('127.0.0.3')).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => waiting.length === 2)
    for (const silent of ['127.0.0.4', '127.0.0.5', '127.0.0.6']) await dial(silent)
    await until(() => closed.length > 0)
    assert.deepEqual(closed, ['127.0.0.4'])
    await Promise.all([dial('127.0.0.7'), dial('127.0.0.8')])
    await until(() => closed.length >= 3)
    assert.deepEqual(closed.toSorted(), ['127.0.0.4', '127.0.0.5', '127.0.0.6'])
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

suite('connections of one address', () => {
  async function dial(world: PortalWorld): Promise<Socket> {
    const socket = connect({ port: Number(new URL(world.url).port), host: '127.0.0.1' })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }

  test('are bounded by the configuration; the one that was silent for longest goes', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\nconnections_per_address = 2'))
    const [first, second] = [await dial(world), await dial(world)]
    await sleep(20)
    first.write('GET / HTTP/1.1\r\n')
    await sleep(20)
    const third = await dial(world)
    await once(second, 'close')
    assert.deepEqual([first.closed, third.closed], [false, false])
    for (const socket of [first, third]) socket.destroy()
  })

  test('may be more while their requests are being answered: all of them are', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\nconnections_per_address = 2'))
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        world.register({ nicname: `at-once-${n}`, ipv4: `198.51.100.${n + 1}` }),
      ),
    )
    assert.equal(new Set(answers.map(({ id }) => id)).size, 40)
  })

  test('of a trusted proxy are not: it brings everybody', async () => {
    const config = '[web]\nconnections_per_address = 2\ntrusted_proxies = ["127.0.0.1"]'
    await using world = await PortalWorld.open(LAB.replace('[web]', config))
    const sockets = [await dial(world), await dial(world), await dial(world)]
    await sleep(50)
    for (const socket of sockets) {
      assert.equal(socket.closed, false)
      socket.destroy()
    }
  })

  test('end when a head does not come within its deadline', async () => {
    await using world = await PortalWorld.open()
    const socket = await dial(world)
    socket.write('GET / HTTP/1.1\r\nHost:')
    assert.match(await text(socket), /^HTTP\/1\.1 408 /)
  })
})

suite('the metrics', () => {
  test('are for the addresses that the configuration names, 403 for others', async () => {
    const proxied = '[web]\ntrusted_proxies = ["127.0.0.1"]\nmetrics_from = ["192.0.2.0/24"]'
    await using world = await PortalWorld.open(LAB.replace('[web]', proxied))
    const from = (address: string) =>
      world.ask('/metrics', { headers: { accept: 'application/json', 'x-forwarded-for': address } })
    assert.equal((await from('192.0.2.7')).status, 200)
    for (const address of ['198.51.100.7', '2001:db8::7', 'junk'])
      assert.equal(problemIn(await from(address)).code, 'forbidden', address)
  })

  test('are for this machine alone by default', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'))
    assert.equal((await world.ask('/metrics')).status, 200)
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    assert.equal((await world.ask('/metrics', { headers })).status, 403)
  })
})
