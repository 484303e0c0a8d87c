import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/endpoint.ts'
import { ListenFault } from '../../src/nameserver/listen-fault.ts'
import type { Respond } from '../../src/nameserver/respond.ts'
import { TCP_LIMITS, type TcpLimits, TcpListener } from '../../src/nameserver/tcp.ts'
import { exchange, framed } from '../ask.ts'
import { hasIpv6Loopback } from '../spawn.ts'
import { echo, message, repliesOf } from './fake-respond.ts'

const LOOPBACK: Endpoint = { address: '127.0.0.1', port: 0 }
const SHORT_TIMES = { idle: 150, message: 150, drain: 150, linger: 150 }

interface Setting {
  readonly respond?: Respond
  readonly limits?: Partial<TcpLimits>
}

async function withListener(setting: Setting, use: (listener: TcpListener) => Promise<void>): Promise<void> {
  const limits = { ...TCP_LIMITS, ...setting.limits }
  const listener = await TcpListener.listen(LOOPBACK, setting.respond ?? echo, limits)
  try {
    await use(listener)
  } finally {
    await listener.close()
  }
}

/** A client that collects what it gets. */
class Client {
  readonly socket: Socket
  received: Buffer = Buffer.alloc(0)
  readonly closed: Promise<unknown>

  constructor({ address, port }: Endpoint, { allowHalfOpen = false } = {}) {
    this.socket = connect({ host: address, port, allowHalfOpen, noDelay: true })
    this.socket.on('data', segment => {
      this.received = Buffer.concat([this.received, segment])
    })
    this.socket.on('error', () => {}) // RST is a way to be closed
    this.closed = new Promise(resolve => this.socket.on('close', resolve))
  }

  get replies(): Buffer[] {
    const replies: Buffer[] = []
    let at = 0
    while (at + 2 <= this.received.length) {
      const end = at + 2 + this.received.readUInt16BE(at)
      if (end > this.received.length) break
      replies.push(this.received.subarray(at + 2, end))
      at = end
    }
    return replies
  }

  async expect(count: number): Promise<Buffer[]> {
    for (let i = 0; i < 1000 && this.replies.length < count && !this.socket.destroyed; i++) await sleep(5)
    assert.equal(this.replies.length, count)
    return this.replies
  }
}

async function untilClosed(listener: TcpListener): Promise<void> {
  for (let i = 0; i < 1000 && (listener.openConnections > 0 || listener.counts.connections === 0); i++)
    await sleep(5)
  assert.equal(listener.openConnections, 0)
}

test('a query in one segment is answered', () =>
  withListener({}, async ({ address }) => {
    assert.equal((await exchange(address, message(42), { tcp: true })).readUInt16BE(), 42)
  }))

test('a query over IPv6 is answered', {
  skip: hasIpv6Loopback() ? false : 'this machine has no [::1]',
}, async () => {
  const listener = await TcpListener.listen({ address: '::1', port: 0 }, echo)
  assert.equal((await exchange(listener.address, message(6), { tcp: true })).readUInt16BE(), 6)
  await listener.close()
})

test('a query is answered though its length is split over two segments', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address)
    const octets = framed(message(1))
    client.socket.write(octets.subarray(0, 1))
    await sleep(20)
    client.socket.write(octets.subarray(1))
    await client.expect(1)
    client.socket.destroy()
  }))

test('a query that comes an octet at a time is answered', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address)
    for (const octet of framed(message(5))) {
      client.socket.write(Buffer.of(octet))
      await sleep(1)
    }
    assert.equal((await client.expect(1))[0]?.readUInt16BE(), 5)
    client.socket.destroy()
  }))

test('100 queries in one segment are answered in their order', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address)
    client.socket.write(Buffer.concat(Array.from({ length: 100 }, (_, id) => framed(message(id)))))
    const ids = (await client.expect(100)).map(reply => reply.readUInt16BE())
    assert.deepEqual(
      ids,
      Array.from({ length: 100 }, (_, id) => id),
    )
    client.socket.destroy()
  }))

test('queries cut at any place are answered', () =>
  withListener({}, async ({ address }) => {
    const stream = Buffer.concat(Array.from({ length: 60 }, (_, id) => framed(message(id, 12 + id))))
    const client = new Client(address)
    for (let at = 0; at < stream.length; at += 37) {
      client.socket.write(stream.subarray(at, at + 37))
      await sleep(1)
    }
    for (const [id, reply] of (await client.expect(60)).entries()) {
      assert.equal(reply.readUInt16BE(), id)
      assert.equal(reply.length, 12 + id)
    }
    client.socket.destroy()
  }))

test('a query of 65,535 octets is taken whole', () =>
  withListener({}, async ({ address }) => {
    const reply = await exchange(address, message(9, 65_535), { tcp: true })
    assert.equal(reply.length, 65_535)
  }))

test('a length of 0 closes the connection', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address)
    client.socket.write(Buffer.of(0, 0))
    await client.closed
    assert.equal(client.received.length, 0)
  }))

test('silence closes the connection after the replies before it', () =>
  withListener({}, async listener => {
    const client = new Client(listener.address)
    client.socket.write(Buffer.concat([framed(message(1)), framed(Buffer.alloc(5)), framed(message(2))]))
    await client.closed
    assert.deepEqual(
      client.replies.map(reply => reply.readUInt16BE()),
      [1],
    )
    assert.equal(listener.counts.silences, 1)
  }))

test('a client that has sent its FIN is answered, then closed', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address, { allowHalfOpen: true })
    client.socket.end(Buffer.concat([framed(message(1)), framed(message(2))]))
    await client.closed
    assert.equal(client.replies.length, 2)
  }))

test('a FIN in the middle of a query closes the connection', () =>
  withListener({}, async ({ address }) => {
    const client = new Client(address, { allowHalfOpen: true })
    client.socket.end(framed(message(1)).subarray(0, 9))
    await client.closed
    assert.equal(client.received.length, 0)
  }))

test('a connection without a query is closed after the idle time', () =>
  withListener({ limits: { times: SHORT_TIMES } }, async listener => {
    const client = new Client(listener.address)
    await client.closed
    await untilClosed(listener)
  }))

test('a query that is not completed in time is cut off, however steadily octets come', () =>
  withListener({ limits: { times: { ...SHORT_TIMES, idle: 60_000 } } }, async listener => {
    const client = new Client(listener.address)
    const dribble = setInterval(() => client.socket.write(Buffer.of(1)), 20)
    await client.closed
    clearInterval(dribble)
    assert.equal(listener.counts.timeouts, 1)
  }))

test('a client that never reads is paused at the high-water mark and then cut off', () =>
  withListener(
    { respond: repliesOf(60_000), limits: { times: { ...SHORT_TIMES, idle: 60_000, drain: 300 } } },
    async listener => {
      const client = new Client(listener.address)
      client.socket.pause()
      const queries = Buffer.concat(Array.from({ length: 2000 }, (_, id) => framed(message(id))))
      client.socket.write(queries)
      await untilClosed(listener)
      client.socket.destroy()
      assert.equal(listener.counts.timeouts, 1)
      assert.ok(
        listener.counts.replies < 1000,
        `${listener.counts.replies} replies were made for a client that reads none`,
      )
    },
  ))

test('a slow reader gets every reply of a long pipeline', () =>
  withListener({ respond: repliesOf(30_000) }, async listener => {
    const client = new Client(listener.address, { allowHalfOpen: true })
    client.socket.pause()
    client.socket.end(Buffer.concat(Array.from({ length: 500 }, (_, id) => framed(message(id)))))
    await sleep(100)
    client.socket.resume()
    const ids = (await client.expect(500)).map(reply => reply.readUInt16BE())
    assert.deepEqual(
      ids,
      Array.from({ length: 500 }, (_, id) => id),
    )
    await client.closed
  }))

test('RST at any moment is survived', () =>
  withListener({ respond: repliesOf(50_000) }, async listener => {
    for (let i = 0; i < 50; i++) {
      const client = new Client(listener.address)
      await once(client.socket, 'connect')
      client.socket.write(framed(message(i)).subarray(0, i < 25 ? i : 99))
      if (i % 2 === 0) await sleep(2)
      client.socket.resetAndDestroy()
    }
    assert.equal((await exchange(listener.address, message(7), { tcp: true })).length, 50_000)
    await untilClosed(listener)
  }))

test('over the limit of an address, the connection without a query for the longest makes room', () =>
  withListener({ limits: { connectionsAnAddress: 3 } }, async listener => {
    const [first, second, third] = [1, 2, 3].map(() => new Client(listener.address))
    assert.ok(first && second && third)
    for (const client of [first, second, third]) {
      client.socket.write(framed(message(1)))
      await client.expect(1)
    }
    first.socket.write(framed(message(2)))
    await first.expect(2)
    assert.equal((await exchange(listener.address, message(3), { tcp: true })).readUInt16BE(), 3)
    await second.closed
    assert.equal(first.socket.destroyed || third.socket.destroyed, false)
    assert.equal(listener.counts.evictions, 1)
    first.socket.destroy()
    third.socket.destroy()
  }))

test('1,000 idle connections over the total limit keep nobody out', () =>
  withListener({ limits: { connections: 100, connectionsAnAddress: 1000 } }, async listener => {
    const idle = Array.from({ length: 1000 }, () => new Client(listener.address))
    await Promise.all(idle.map(client => Promise.race([client.closed, once(client.socket, 'connect')])))
    assert.equal((await exchange(listener.address, message(3), { tcp: true })).readUInt16BE(), 3)
    assert.ok(listener.openConnections <= 100)
    for (const client of idle) client.socket.destroy()
  }))

test('a fault in respond is counted and closes the connection', () =>
  withListener(
    {
      respond: () => {
        throw new Error('a defect')
      },
    },
    async listener => {
      const client = new Client(listener.address)
      client.socket.write(framed(message(1)))
      await client.closed
      assert.equal(listener.counts.faults, 1)
    },
  ))

test('close ends with open connections, idle, in a query, and not reading', async () => {
  const listener = await TcpListener.listen(LOOPBACK, repliesOf(60_000))
  const clients = Array.from({ length: 30 }, () => new Client(listener.address, { allowHalfOpen: true }))
  await Promise.all(clients.map(client => once(client.socket, 'connect')))
  for (const [i, client] of clients.entries()) {
    if (i % 3 === 1) client.socket.write(Buffer.of(0, 99, 1))
    if (i % 3 === 2)
      client.socket.pause().write(Buffer.concat(Array.from({ length: 200 }, () => framed(message(1)))))
  }
  await sleep(50)
  const outcome = await Promise.race([
    listener.close().then(() => 'closed'),
    sleep(3000, 'open', { ref: false }),
  ])
  assert.equal(outcome, 'closed')
  for (const client of clients) client.socket.destroy()
})

test('a port that is taken is a fault that names the address', () =>
  withListener({}, async ({ address }) => {
    await assert.rejects(TcpListener.listen(address, echo), (fault: unknown) => {
      assert.ok(fault instanceof ListenFault)
      assert.equal(fault.code, 'EADDRINUSE')
      assert.match(fault.message, new RegExp(`127\\.0\\.0\\.1:${address.port} \\(TCP\\)`))
      return true
    })
  }))
