/** DNS over TCP (RFC 7766): how queries may come, and how long a connection lasts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TcpListener } from '../../src/listen/tcp/tcp-listener.ts'
import { exchange, framed } from '../ask.ts'
import { echo, message, repliesOf } from '../listen/fake-respond.ts'
import { SHORT_TIMES, TcpClient, untilClosed, withListener } from '../listen/tcp-world.ts'
import { cannot } from '../packages.ts'
import { hasIpv6Loopback } from '../spawn.ts'

test('a query in one segment is answered', () =>
  withListener({}, async ({ address }) => {
    assert.equal((await exchange(address, message(42), { tcp: true })).readUInt16BE(), 42)
  }))

test('a query over IPv6 is answered', {
  skip: !hasIpv6Loopback() && cannot('this machine has no [::1]'),
}, async () => {
  const listener = await TcpListener.listen({ address: '::1', port: 0 }, echo)
  assert.equal((await exchange(listener.address, message(6), { tcp: true })).readUInt16BE(), 6)
  await listener.close()
})

test('a query is answered though its length is split over two segments', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address)
    const octets = framed(message(1))
    client.socket.write(octets.subarray(0, 1))
    await sleep(20)
    client.socket.write(octets.subarray(1))
    await client.expect(1)
    client.socket.destroy()
  }))

test('a query that comes an octet at a time is answered', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address)
    for (const octet of framed(message(5))) {
      client.socket.write(Buffer.of(octet))
      await sleep(1)
    }
    assert.equal((await client.expect(1))[0]?.readUInt16BE(), 5)
    client.socket.destroy()
  }))

test('100 queries in one segment are answered in their order', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address)
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
    const client = new TcpClient(address)
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

test('a client that has sent its FIN is answered, then closed', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address, { allowHalfOpen: true })
    client.socket.end(Buffer.concat([framed(message(1)), framed(message(2))]))
    await client.closed
    assert.equal(client.replies.length, 2)
  }))

test('a FIN in the middle of a query closes the connection', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address, { allowHalfOpen: true })
    client.socket.end(framed(message(1)).subarray(0, 9))
    await client.closed
    assert.equal(client.received.length, 0)
  }))

test('a connection without a query is closed after the idle time', () =>
  withListener({ limits: { times: SHORT_TIMES } }, async listener => {
    const client = new TcpClient(listener.address)
    await client.closed
    await untilClosed(listener)
  }))

test('a slow reader gets every reply of a long pipeline', () =>
  withListener({ respond: repliesOf(30_000) }, async listener => {
    const client = new TcpClient(listener.address, { allowHalfOpen: true })
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
