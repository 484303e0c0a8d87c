import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ListenDnsOptions, type ListenEndpoint, listenDns } from '../../src/listen/listeners.ts'
import { UdpListener } from '../../src/listen/udp/dgram-listener.ts'
import { DgramListeners } from '../../src/listen/udp/udp-listeners.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { exchange } from '../ask.ts'
import { echo, message } from './fake-respond.ts'

const LOOPBACK = { address: '127.0.0.1', port: 0 }
const NOT_OURS = { address: '192.0.2.99', port: 0 }

/** Options that echo over Node's own sockets. */
function on(endpoints: readonly ListenEndpoint[]): ListenDnsOptions {
  return { endpoints, respond: echo, udp: new DgramListeners(echo) }
}

test('UDP and TCP of a free port share its number', async () => {
  const listeners = await listenDns(on([LOOPBACK]))
  const [address] = listeners.addresses
  assert.ok(address)
  assert.equal((await exchange(address, message(1))).readUInt16BE(), 1)
  assert.equal((await exchange(address, message(2), { tcp: true })).readUInt16BE(), 2)
  assert.equal(listeners.stats.udp.replies, 1)
  assert.equal(listeners.stats.tcp.replies, 1)
  await listeners.close()
})

test('counts of several listeners are added up', async () => {
  const listeners = await listenDns(on([LOOPBACK, LOOPBACK]))
  for (const address of listeners.addresses) await exchange(address, message(1))
  assert.equal(listeners.stats.udp.datagrams, 2)
  await listeners.close()
})

test('an address that can not be bound is a fault, and what was bound is free again', async t => {
  const address = await freePair()
  const holder = await listenDns(on([LOOPBACK]))
  t.after(() => holder.close())
  const [taken = LOOPBACK] = holder.addresses
  await assert.rejects(listenDns(on([address, taken])), { code: 'EADDRINUSE' })
  const again = await listenDns(on([address]))
  await again.close()
})

test('a port that is taken for UDP alone is a fault', async t => {
  const holder = await UdpListener.listen(await freePair(), echo)
  t.after(() => holder.close())
  await assert.rejects(listenDns(on([holder.address])), { code: 'EADDRINUSE', transport: 'udp' })
})

/** An address whose port nobody has, be it for UDP or TCP: one that is free for UDP may be another program's for TCP. */
async function freePair(): Promise<Endpoint> {
  const listeners = await listenDns(on([LOOPBACK]))
  await listeners.close()
  return listeners.addresses[0] ?? LOOPBACK
}

test('an optional address that can not be bound is a warning', async () => {
  const listeners = await listenDns(on([LOOPBACK, { ...NOT_OURS, optional: true }]))
  assert.equal(listeners.addresses.length, 1)
  assert.deepEqual(
    listeners.warnings.map(fault => fault.endpoint.address),
    ['192.0.2.99'],
  )
  await listeners.close()
})
