import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DgramListeners } from '../../src/listen/udp/udp-listeners.ts'
import { exchange } from '../ask.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { BatchListener, noBatches } from './batch-listener.ts'
import { echo, message } from './fake-respond.ts'

const noNetwork = (await enterOwnNetwork()) ?? false
const FAMILIES = [
  { wildcard: '0.0.0.0', addresses: ['10.9.0.1', '10.9.0.2', '127.0.0.1', '127.0.0.77'] },
  { wildcard: '::', addresses: ['2001:db8:9::1', '2001:db8:9::2', '::1'] },
]

describe('a socket on every address', { skip: noBatches || noNetwork }, () => {
  for (const { wildcard, addresses } of FAMILIES) {
    test(`${wildcard} answers from the address that was asked, whoever asks`, async t => {
      for (const address of addresses) await own(address)
      const listener = await BatchListener.listen({ address: wildcard, port: 0 }, echo)
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
      const listener = await BatchListener.listen({ address: wildcard, port: 0 }, echo)
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
      const listener = await BatchListener.listen({ address: wildcard, port: 0 }, echo)
      t.after(() => listener.close())
      const address = wildcard === '::' ? '2001:db8:9::99' : '10.9.0.99'
      await own(address)
      assert.equal((await exchange({ address, port: listener.address.port }, message(1))).readUInt16BE(), 1)
    })
  }
})

test('without batched system calls a wildcard is refused, and the sentence says what to write instead', async () => {
  for (const address of ['0.0.0.0', '::'])
    await assert.rejects(new DgramListeners(echo).bind({ address, port: 0 }), {
      name: 'ListenFault',
      message: /each address has to be named in dns\.listen/,
    })
})

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

function isTentative(address: string): boolean {
  return execFileSync('ip', ['-6', 'address', 'show', 'dev', 'lo', 'tentative', 'to', address]).length > 0
}
