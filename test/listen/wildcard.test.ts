import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import type { Respond } from '../../src/engine/respond.ts'
import { UdpListener } from '../../src/listen/udp/dgram-listener.ts'
import { EveryAddress } from '../../src/listen/udp/every-address.ts'
import { DgramListeners } from '../../src/listen/udp/udp-listeners.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { exchange } from '../ask.ts'
import { enterOwnNetwork, takeAhead } from '../own-network.ts'
import { until } from '../until.ts'
import { BatchListener, noBatches } from './batch-listener.ts'
import { echo, message } from './fake-respond.ts'

const noNetwork = (await enterOwnNetwork()) ?? false
const FAMILIES = [
  { wildcard: '0.0.0.0', addresses: ['10.9.0.1', '10.9.0.2', '127.0.0.1', '127.0.0.77'] },
  { wildcard: '::', addresses: ['2001:db8:9::1', '2001:db8:9::2', '::1'] },
]

type Listener = Pick<EveryAddress, 'address' | 'counts' | 'close'>

/** What a client sees must not depend on the system calls. */
const KINDS: readonly {
  readonly kind: string
  readonly listen: (endpoint: Endpoint, respond: Respond) => Promise<Listener>
  readonly without: string | false
}[] = [
  { kind: 'a socket on every address', listen: BatchListener.listen, without: noBatches },
  { kind: 'a socket of Node for each address', listen: EveryAddress.listen, without: false },
]

for (const { kind, listen, without } of KINDS)
  describe(kind, { skip: without || noNetwork }, () => cases(listen))

function cases(listen: (typeof KINDS)[number]['listen']): void {
  for (const { wildcard, addresses } of FAMILIES) {
    test(`${wildcard} answers from the address that was asked, whoever asks`, async t => {
      for (const address of addresses) await own(address)
      const listener = await listen({ address: wildcard, port: 0 }, echo)
      t.after(() => listener.close())
      const { port } = listener.address
      for (const from of addresses) {
        // The client takes a reply from the address that it has asked, and from no other.
        for (const address of addresses) {
          const reply = await exchange({ address, port }, message(7), { from, timeout: 1000 })
          assert.equal(reply.readUInt16BE(), 7, `${from} asked ${address}`)
        }
      }
      assert.equal(listener.counts.errors, 0)
    })

    test(`${wildcard} answers many at once, each from the address that was asked`, async t => {
      for (const address of addresses) await own(address)
      const listener = await listen({ address: wildcard, port: 0 }, echo)
      t.after(() => listener.close())
      const { port } = listener.address
      const asked = Array.from({ length: 300 }, (_, id) => ({
        id,
        address: addresses[id % addresses.length] ?? '',
      }))
      await Promise.all(
        asked.map(async ({ id, address }) => {
          const reply = await exchange({ address, port }, message(id))
          assert.equal(reply.readUInt16BE(), id)
        }),
      )
    })

    test(`${wildcard} answers on an address that came after it was bound`, async t => {
      const listener = await listen({ address: wildcard, port: 0 }, echo)
      t.after(() => listener.close())
      const address = wildcard === '::' ? '2001:db8:9::99' : '10.9.0.99'
      await own(address)
      t.after(() => disown(address)) // the next kind shall see it come too
      const { port } = listener.address
      let reply: Buffer | undefined
      await until(async () => {
        reply = await exchange({ address, port }, message(1), { timeout: 100 }).catch(() => undefined)
        return reply !== undefined
      })
      assert.equal(reply?.readUInt16BE(), 1)
    })
  }
}

describe('sockets of Node follow the addresses', { skip: noNetwork }, () => {
  for (const { wildcard, gone } of [
    { wildcard: '0.0.0.0', gone: '10.9.0.55' },
    { wildcard: '::', gone: '2001:db8:9::55' },
  ])
    test(`${wildcard} leaves an address that is gone, and what was counted there stays counted`, async t => {
      await own(gone)
      const listeners = new DgramListeners(echo)
      t.after(() => listeners.close())
      const { port } = await listeners.bind({ address: wildcard, port: 0 })
      await exchange({ address: gone, port }, message(1))
      assert.ok(isBound(gone, port))
      disown(gone)
      await until(async () => !isBound(gone, port))
      assert.equal(listeners.counts.replies, 1)
      assert.equal(
        listeners.durations.counts.reduce((sum, count) => sum + count),
        1,
      )
      await own(gone)
      await until(async () => isBound(gone, port))
      await exchange({ address: gone, port }, message(2))
      assert.equal(listeners.counts.replies, 2)
    })

  test('an address of which the port is taken is named, and nothing stays bound', async t => {
    for (const address of ['10.9.0.1', '10.9.0.66']) await own(address)
    const taken = await UdpListener.listen({ address: '10.9.0.66', port: 0 }, echo)
    t.after(() => taken.close())
    const { port } = taken.address
    await assert.rejects(new DgramListeners(echo).bind({ address: '0.0.0.0', port }), {
      name: 'ListenFault',
      code: 'EADDRINUSE',
      endpoint: taken.address,
    })
    assert.ok(!isBound('10.9.0.1', port))
  })

  test('an address that comes while another program has its port is told of once, and bound when that is free', async t => {
    const address = '10.9.0.44'
    const told: string[] = []
    const listeners = new DgramListeners(echo, { onFault: ({ message }) => told.push(message) })
    t.after(() => listeners.close())
    const { port } = await listeners.bind({ address: '0.0.0.0', port: 0 })
    const foreign = await takeAhead(address, port)
    const { mock } = t.mock.method(UdpListener, 'listen')
    await own(address)
    t.after(() => disown(address))
    await until(async () => mock.callCount() > 1)
    const fault = `can't listen on ${address}:${port} (UDP): another process listens there (EADDRINUSE)`
    assert.deepEqual([told, listeners.unbound.map(({ message }) => message)], [[fault], [fault]])
    foreign.close()
    await until(async () => listeners.unbound.length === 0)
    await exchange({ address, port }, message(5))
    assert.equal(told.length, 1)
  })

  test('one that goes before it could be bound is no fault any more', async t => {
    const address = '10.9.0.45'
    const listeners = new DgramListeners(echo)
    t.after(() => listeners.close())
    const { port } = await listeners.bind({ address: '0.0.0.0', port: 0 })
    const foreign = await takeAhead(address, port)
    t.after(() => foreign.close())
    await own(address)
    await until(async () => listeners.unbound.length > 0)
    disown(address)
    await until(async () => listeners.unbound.length === 0)
  })

  test('link-local addresses are answered, each on its interface', async t => {
    execFileSync('ip', ['link', 'add', 'veth8', 'type', 'veth', 'peer', 'name', 'veth9'])
    t.after(() => execFileSync('ip', ['link', 'delete', 'veth8']))
    for (const [name, address] of [
      ['veth8', 'fe80::8'],
      ['veth9', 'fe80::9'],
    ] as const) {
      execFileSync('ip', ['link', 'set', name, 'up'])
      execFileSync('ip', ['address', 'add', `${address}/64`, 'dev', name, 'nodad'])
    }
    const listeners = new DgramListeners(echo)
    t.after(() => listeners.close())
    const { port } = await listeners.bind({ address: '::', port: 0 })
    await until(async () => isBound('fe80::8', port))
    const reply = await exchange({ address: 'fe80::8%veth8', port }, message(3))
    assert.equal(reply.readUInt16BE(), 3)
  })
})

/** Whether a socket of this network is bound to the address and the port. */
function isBound(address: string, port: number): boolean {
  const [file, octets] = address.includes(':')
    ? ['/proc/net/udp6', parseIpv6(address) ?? assert.fail(address)]
    : ['/proc/net/udp', Uint8Array.from(address.split('.'), Number)]
  const words = Array.from({ length: octets.length / 4 }, (_, n) =>
    octets.slice(n * 4, n * 4 + 4).toReversed(),
  )
  const local = `${Buffer.concat(words).toString('hex')}:${port.toString(16).padStart(4, '0')}`
  return readFileSync(file, 'utf8').toLowerCase().includes(` ${local} `)
}

/** Gives loopback an address of its own, ready for use; one that it has already stays. */
async function own(address: string): Promise<void> {
  const isIpv6 = address.includes(':')
  const length = isIpv6 ? ['/128', 'nodad'] : ['/32']
  execFileSync('ip', ['address', 'replace', `${address}${length[0]}`, 'dev', 'lo', ...length.slice(1)])
  // Without detection of duplicates too an address is tentative until the kernel's worker has been at it.
  for (let tries = 0; isIpv6 && isTentative(address); tries++) {
    assert.ok(tries < 5000, `${address} stays tentative`)
    await sleep(10)
  }
}

function disown(address: string): void {
  execFileSync('ip', ['address', 'delete', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo'])
}

function isTentative(address: string): boolean {
  return execFileSync('ip', ['-6', 'address', 'show', 'dev', 'lo', 'tentative', 'to', address]).length > 0
}
