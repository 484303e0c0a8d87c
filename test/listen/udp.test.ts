import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Respond } from '../../src/engine/respond.ts'
import { ListenFault } from '../../src/listen/listen-fault.ts'
import { isAnswerable, UdpListener } from '../../src/listen/udp/dgram-listener.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { exchange } from '../ask.ts'
import { cannot } from '../packages.ts'
import { hasIpv6Loopback } from '../spawn.ts'
import { BatchListener, noBatches } from './batch-listener.ts'
import { echo, message, repliesOf } from './fake-respond.ts'

const LOOPBACK: Endpoint = { address: '127.0.0.1', port: 0 }
const noIpv6 = !hasIpv6Loopback() && cannot('this machine has no [::1]')

type Listener = Pick<UdpListener, 'address' | 'counts' | 'close'>
type Listen = (endpoint: Endpoint, respond: Respond) => Promise<Listener>

/** One table of cases for both: what a client sees must not depend on the system calls. */
const KINDS: readonly { readonly kind: string; readonly listen: Listen; readonly skip: string | false }[] = [
  { kind: 'dgram', listen: UdpListener.listen, skip: false },
  { kind: 'batched system calls', listen: BatchListener.listen, skip: noBatches },
]

for (const { kind, listen, skip } of KINDS) describe(`UDP by ${kind}`, { skip }, () => cases(listen))

test('a source port of 0 is not answered', () => {
  assert.equal(isAnswerable({ port: 0 }), false)
  assert.equal(isAnswerable({ port: 1 }), true)
})

function cases(listen: Listen): void {
  async function withListener(respond: Respond, use: (listener: Listener) => Promise<void>): Promise<void> {
    const listener = await listen(LOOPBACK, respond)
    try {
      await use(listener)
    } finally {
      await listener.close()
    }
  }

  test('a datagram is answered from the address that was asked', () =>
    withListener(echo, async ({ address }) => {
      const reply = await exchange(address, message(4711))
      assert.equal(reply.readUInt16BE(), 4711)
      assert.equal((reply[2] ?? 0) & 0x80, 0x80)
    }))

  test('an IPv6 address is answered', { skip: noIpv6 }, async () => {
    const listener = await listen({ address: '::1', port: 0 }, echo)
    assert.equal((await exchange(listener.address, message(7))).readUInt16BE(), 7)
    await listener.close()
  })

  test('the IPv6 wildcard leaves IPv4 alone', { skip: noIpv6 }, async () => {
    const six = await listen({ address: '::', port: 0 }, echo)
    const four = await listen({ address: '0.0.0.0', port: six.address.port }, repliesOf(20))
    const { port } = six.address
    assert.equal((await exchange({ address: '::1', port }, message(1))).length, 29)
    assert.equal((await exchange({ address: '127.0.0.1', port }, message(1))).length, 20)
    await Promise.all([six.close(), four.close()])
  })

  test('an empty, a short and a reply datagram get silence, and the next query its answer', () =>
    withListener(echo, async listener => {
      const client = createSocket('udp4')
      const response = message(2)
      response[2] = 0x80
      for (const silent of [Buffer.alloc(0), Buffer.alloc(11), response])
        client.send(silent, listener.address.port)
      const heard = once(client, 'message')
      client.send(message(3), listener.address.port)
      const [reply] = (await heard) as [Buffer]
      assert.equal(reply.readUInt16BE(), 3)
      assert.equal(listener.counts.silences, 3)
      client.close()
    }))

  test('a reply is never mixed with another: 2,000 queries at once come back with their own ids', () =>
    withListener(echo, async ({ address }) => {
      const client = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
      const seen = new Map<number, Buffer>()
      client.on('message', reply => seen.set(reply.readUInt16BE(), reply))
      for (let id = 0; id < 2000; id++) {
        const query = message(id, 40)
        query.fill(id & 255, 12)
        client.send(query, address.port, '127.0.0.1')
        if (id % 50 === 49) await turn()
      }
      for (let i = 0; i < 200 && seen.size < 2000; i++) await turn()
      assert.ok(seen.size > 1000, `${seen.size} replies`)
      for (const [id, reply] of seen) assert.ok(reply.subarray(12).every(octet => octet === (id & 255)))
      client.close()
    }))

  test('clients that are gone before their reply do no harm', () =>
    withListener(echo, async listener => {
      for (let i = 0; i < 50; i++) {
        const client = createSocket('udp4')
        await sent(client, message(i), listener.address)
        client.close() // the reply meets an ICMP port unreachable
      }
      assert.equal((await exchange(listener.address, message(99))).readUInt16BE(), 99)
    }))

  test('a fault in respond is counted and costs one answer', () =>
    withListener(
      (query, length, reply, client) => {
        if (query[0] === 0xff) throw new Error('a defect')
        return echo(query, length, reply, client)
      },
      async listener => {
        await assert.rejects(exchange(listener.address, message(0xff00), { timeout: 100 }))
        assert.equal((await exchange(listener.address, message(1))).readUInt16BE(), 1)
        assert.equal(listener.counts.faults, 1)
      },
    ))

  test('a port that is taken is a fault that names the address', () =>
    withListener(echo, async ({ address }) => {
      await assert.rejects(listen(address, echo), (fault: unknown) => {
        assert.ok(fault instanceof ListenFault)
        assert.equal(fault.code, 'EADDRINUSE')
        assert.match(fault.message, new RegExp(`127\\.0\\.0\\.1:${address.port} \\(UDP\\)`))
        return true
      })
    }))

  test('an address that is not ours is a fault that names it', async () => {
    await assert.rejects(listen({ address: '192.0.2.99', port: 0 }, echo), {
      name: 'ListenFault',
      code: 'EADDRNOTAVAIL',
      message: /192\.0\.2\.99:0/,
    })
  })

  test('close frees the port', async () => {
    const first = await listen(LOOPBACK, echo)
    await first.close()
    const second = await listen(first.address, echo)
    await second.close()
  })
}

function turn(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 1))
}

function sent(client: Socket, octets: Buffer, to: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    client.send(octets, to.port, to.address, error => (error === null ? resolve() : reject(error)))
  })
}
