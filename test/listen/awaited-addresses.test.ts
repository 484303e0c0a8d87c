import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeldSockets } from '../../src/listen/held-sockets.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { type DnsListeners, listenDns } from '../../src/listen/listeners.ts'
import { AnsweringThreads } from '../../src/listen/threads/answering-threads.ts'
import { DgramListeners, type UdpListeners } from '../../src/listen/udp/udp-listeners.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import type { Log } from '../../src/shared/log.ts'
import { exchange } from '../ask.ts'
import { catalogOf, queryOf } from '../engine/zones.ts'
import { addAddress, enterOwnNetwork } from '../own-network.ts'
import { requirePackages } from '../packages.ts'
import { until } from '../until.ts'
import { noBatches } from './batch-listener.ts'
import { echo } from './fake-respond.ts'

const skip = (await enterOwnNetwork()) ?? false
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }
/** A second each: so long is an address tentative. */
const SOLICITATIONS = 3
const LOOPBACK: Endpoint = { address: '127.0.0.1', port: 0 }
const QUERY = queryOf('example.', 'SOA')

async function threads(): Promise<UdpListeners> {
  const libc = await loadLibc()
  assert.ok(libc)
  const catalog = catalogOf('example. 60 IN SOA ns. h. 1 2 3 4 60\nexample. 60 IN NS ns.')
  const engine = { catalog: { buffer: catalog.buffer }, nsid: '', version: '', hostname: '' }
  return new AnsweringThreads({ libc, threads: 2, engine, log: SILENT })
}

async function start(
  t: TestContext,
  udp: UdpListeners,
  endpoints: readonly Endpoint[],
): Promise<DnsListeners> {
  const listeners = await listenDns({ endpoints, respond: echo, udp })
  t.after(() => listeners.close())
  return listeners
}

for (const { kind, udp, address, without } of [
  { kind: 'threads', udp: threads, address: '10.9.1.1', without: noBatches },
  { kind: 'sockets of Node', udp: async () => new DgramListeners(echo), address: '10.9.1.2', without: false },
])
  test(`with ${kind} an address that comes after the start is listened on`, {
    skip: skip || without,
  }, async t => {
    const listeners = await start(t, await udp(), [LOOPBACK, { address, port: 5300 }])
    assert.deepEqual(listeners.pending, [{ address, port: 5300 }])
    assert.equal(listeners.addresses.length, 1)
    await exchange(listeners.addresses[0] ?? LOOPBACK, QUERY)
    addAddress(address)
    await until(() => listeners.pending.length === 0)
    assert.deepEqual([listeners.pending, listeners.addresses[1]], [[], { address, port: 5300 }])
    for (const tcp of [false, true]) await exchange({ address, port: 5300 }, QUERY, { tcp })
  })

for (const { kind, udp, address, without } of [
  { kind: 'threads', udp: threads, address: '2001:db8:91::1', without: noBatches },
  {
    kind: 'sockets of Node',
    udp: async () => new DgramListeners(echo),
    address: '2001:db8:91::2',
    without: false,
  },
])
  test(`with ${kind} an address that the kernel is still making sure of is listened on when it has (RFC 4862 5.4)`, {
    skip: skip || without,
  }, async t => {
    if (!(await requirePackages(t, ['sysctl']))) return
    beginDetection(t, address)
    const endpoint = { address, port: 5300 }
    const listeners = await start(t, await udp(), [LOOPBACK, endpoint])
    assert.deepEqual(listeners.pending, [endpoint])
    assert.ok(isTentative(address), 'the detection has ended before the listeners were there')
    await exchange(listeners.addresses[0] ?? LOOPBACK, QUERY)
    await until(() => listeners.pending.length === 0)
    assert.ok(!isTentative(address))
    for (const tcp of [false, true]) await exchange(endpoint, QUERY, { tcp })
  })

/** Gives a link of this network an address, and the kernel seconds in which it looks for others that have it. */
function beginDetection(t: TestContext, address: string): void {
  execFileSync('ip', ['link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1'])
  t.after(() => execFileSync('ip', ['link', 'delete', 'veth0']))
  execFileSync('sysctl', ['-qw', `net.ipv6.conf.veth0.dad_transmits=${SOLICITATIONS}`])
  for (const device of ['veth0', 'veth1']) execFileSync('ip', ['link', 'set', device, 'up'])
  execFileSync('ip', ['address', 'add', `${address}/64`, 'dev', 'veth0'])
}

function isTentative(address: string): boolean {
  return execFileSync('ip', ['-6', 'address', 'show', 'tentative', 'to', address]).length > 0
}

test('the only address is waited for as well', { skip }, async t => {
  const only = { address: '10.9.1.3', port: 5300 }
  const listeners = await start(t, new DgramListeners(echo), [only])
  assert.deepEqual([listeners.pending, listeners.addresses], [[only], []])
  addAddress(only.address)
  await until(() => listeners.pending.length === 0)
  for (const tcp of [false, true]) await exchange(only, QUERY, { tcp })
})

test('a successor that has none of its addresses takes nothing over from a process that answers', {
  skip: skip || noBatches,
}, async () => {
  const libc = await loadLibc()
  assert.ok(libc)
  const sockets = new HeldSockets(libc)
  try {
    libc.close(sockets.stream('tcp', LOOPBACK)) // the other's
    const endpoints = [{ address: '10.9.1.5', port: 5300 }]
    const asked = { endpoints, respond: echo, udp: new DgramListeners(echo), sockets }
    await assert.rejects(listenDns(asked), { code: 'EADDRNOTAVAIL' })
  } finally {
    sockets.close()
  }
})

test('nobody waits for an address after the end', { skip }, async () => {
  const udp = new DgramListeners(echo)
  const listeners = await listenDns({
    endpoints: [LOOPBACK, { address: '10.9.1.4', port: 5300 }],
    respond: echo,
    udp,
  })
  await listeners.close()
  addAddress('10.9.1.4')
  await sleep(1500)
  assert.equal(listeners.addresses.length, 1)
})
