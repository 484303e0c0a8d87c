/** DNS over TCP in operation (RFC 9210): what a server bears from clients that take their time, or all its connections. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange, framed } from '../ask.ts'
import { message, repliesOf } from '../listen/fake-respond.ts'
import { SHORT_TIMES, TcpClient, untilClosed, withListener } from '../listen/tcp-world.ts'

test('a query that is not completed in time is cut off, however steadily octets come', () =>
  withListener({ limits: { times: { ...SHORT_TIMES, idle: 60_000 } } }, async listener => {
    const client = new TcpClient(listener.address)
    const dribble = setInterval(() => client.socket.write(Buffer.of(1)), 20)
    await client.closed
    clearInterval(dribble)
    assert.equal(listener.counts.timeouts, 1)
  }))

test('a client that never reads is paused at the high-water mark and then cut off', () =>
  withListener(
    { respond: repliesOf(60_000), limits: { times: { ...SHORT_TIMES, idle: 60_000, drain: 300 } } },
    async listener => {
      const client = new TcpClient(listener.address)
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

test('RST at any moment is survived', () =>
  withListener({ respond: repliesOf(50_000) }, async listener => {
    for (let i = 0; i < 50; i++) {
      const client = new TcpClient(listener.address)
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
    const [first, second, third] = [1, 2, 3].map(() => new TcpClient(listener.address))
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
    const idle = Array.from({ length: 1000 }, () => new TcpClient(listener.address))
    await Promise.all(idle.map(client => Promise.race([client.closed, once(client.socket, 'connect')])))
    assert.equal((await exchange(listener.address, message(3), { tcp: true })).readUInt16BE(), 3)
    assert.ok(listener.openConnections <= 100)
    for (const client of idle) client.socket.destroy()
  }))

test('4.4: a length and then silence ends after its time, and others are answered meanwhile', () =>
  withListener({ limits: { times: { ...SHORT_TIMES, idle: 60_000 } } }, async listener => {
    const silent = Array.from({ length: 100 }, () => new TcpClient(listener.address))
    for (const client of silent) client.socket.write(Buffer.of(0, 40))
    assert.equal((await exchange(listener.address, message(8), { tcp: true })).readUInt16BE(), 8)
    await Promise.all(silent.map(client => client.closed))
    assert.equal(listener.counts.timeouts, 100)
  }))
