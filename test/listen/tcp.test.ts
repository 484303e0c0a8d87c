import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ListenFault } from '../../src/listen/listen-fault.ts'
import { TcpListener } from '../../src/listen/tcp/tcp-listener.ts'
import { framed } from '../ask.ts'
import { echo, message, repliesOf } from './fake-respond.ts'
import { LOOPBACK, TcpClient, withListener } from './tcp-world.ts'

test('a length of 0 closes the connection', () =>
  withListener({}, async ({ address }) => {
    const client = new TcpClient(address)
    client.socket.write(Buffer.of(0, 0))
    await client.closed
    assert.equal(client.received.length, 0)
  }))

test('silence closes the connection after the replies before it', () =>
  withListener({}, async listener => {
    const client = new TcpClient(listener.address)
    client.socket.write(Buffer.concat([framed(message(1)), framed(Buffer.alloc(5)), framed(message(2))]))
    await client.closed
    assert.deepEqual(
      client.replies.map(reply => reply.readUInt16BE()),
      [1],
    )
    assert.equal(listener.counts.silences, 1)
  }))

test('a fault in respond is counted and closes the connection', () =>
  withListener(
    {
      respond: () => {
        throw new Error('a defect')
      },
    },
    async listener => {
      const client = new TcpClient(listener.address)
      client.socket.write(framed(message(1)))
      await client.closed
      assert.equal(listener.counts.faults, 1)
    },
  ))

test('close ends with open connections, idle, in a query, and not reading', async () => {
  const listener = await TcpListener.listen(LOOPBACK, repliesOf(60_000))
  const clients = Array.from({ length: 30 }, () => new TcpClient(listener.address, { allowHalfOpen: true }))
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
