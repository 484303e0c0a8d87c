import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parsePrefix } from '../../../src/address/prefix.ts'
import { serverKey } from '../../../src/kind/wireguard/server-key.ts'
import { WireguardInterfaces } from '../../../src/kind/wireguard/wireguard-interfaces.ts'
import type { Link } from '../../../src/tunnel/interface.ts'
import { newPublicKey } from '../../public-key.ts'

const DONE = { status: 0, stdout: '', stderr: '' }
const NETWORK = '2001:db8:f6:1::/64'

const directory = mkdtempSync(join(tmpdir(), 'freenet6-wireguard-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** A driver on an interface whose peers are in a map: their networks by their public keys. */
function setUp() {
  const peers = new Map<string, string>()
  /** Where each peer was last heard from, by its public key. */
  const endpoints = new Map<string, string>()
  const ip = { isBroken: false }
  const nft = { isMissing: false }
  const looked: string[] = []
  const driver = new WireguardInterfaces({
    devicePrefix: 'fn6-',
    program: 'kernel',
    key: serverKey(join(directory, 'data')),
    port: 51820,
    mtu: 1420,
    prefix: parsePrefix('2001:db8:f6::/48') ?? assert.fail(),
    tellForeign: async networks => void looked.push(...networks),
    runNft: async () => (nft.isMissing ? { ...DONE, status: -1, stderr: 'nft: spawn nft ENOENT' } : DONE),
    runIp: async args =>
      ip.isBroken && args.includes('-batch') ? { ...DONE, status: -1, stderr: 'spawn ip EAGAIN' } : DONE,
    runWg: async ([command, , ...words]) => {
      if (command !== 'show') setPeers(peers, words)
      return { kind: 'done', output: command === 'show' ? dumpOf(peers, endpoints) : '' }
    },
  })
  return { peers, endpoints, ip, nft, looked, driver }
}

function setPeers(peers: Map<string, string>, words: readonly string[]): void {
  let key = ''
  for (const [index, word] of words.entries()) {
    const next = words[index + 1] ?? ''
    if (word === 'peer') {
      key = next
      peers.set(key, peers.get(key) ?? '')
    }
    if (word === 'remove') peers.delete(key)
    if (word === 'allowed-ips') peers.set(key, next)
  }
}

/** As `wg show INTERFACE dump` writes it. */
function dumpOf(peers: ReadonlyMap<string, string>, endpoints: ReadonlyMap<string, string>): string {
  const lines = Array.from(peers, ([key, networks]) =>
    [key, '(none)', endpoints.get(key) ?? '(none)', networks || '(none)', 0, 0, 0, 'off'].join('\t'),
  )
  return ['own\tkey\t51820\toff', ...lines].join('\n')
}

function link(publicKey: string): Link {
  return {
    device: 'fn6-1',
    publicKey,
    ipv4Client: '', // it roams
    ipv6Server: '2001:db8:f6:1::1',
    ipv6Client: '2001:db8:f6:1::2',
  }
}

test('a peer whose routes fail is taken back, and is listened for as before', async () => {
  const { peers, ip, driver } = setUp()
  const key = newPublicKey()
  await driver.listenFor([link(key)])
  ip.isBroken = true
  assert.equal((await driver.create([link(key)])).length, 1)
  ip.isBroken = false
  assert.equal(peers.has(key), false)
  await driver.listenFor([link(key)])
  assert.deepEqual([...peers], [[key, '']])
})

test('after a change of the key whose routes fail the former key can be put back', async () => {
  const { peers, ip, driver } = setUp()
  const [former, fresh] = [newPublicKey(), newPublicKey()]
  await driver.create([link(former)])
  ip.isBroken = true
  assert.equal((await driver.changeRemote([link(fresh)])).length, 1)
  ip.isBroken = false
  assert.deepEqual(await driver.changeRemote([link(former)]), [])
  assert.deepEqual([...peers], [[former, NETWORK]])
})

test('where a client was last heard from is told until its key is another’s or its tunnel goes', async () => {
  const { endpoints, driver } = setUp()
  const [former, fresh] = [newPublicKey(), newPublicKey()]
  const look = async () => {
    await driver.octets(['fn6-1'])
    return driver.heardFrom('fn6-1')
  }
  await driver.create([link(former)])
  assert.equal(await look(), undefined)
  endpoints.set(former, '192.0.2.7:4004')
  assert.deepEqual(await look(), { address: '192.0.2.7', port: 4004 })
  endpoints.set(former, '[2001:db8::7]:4005')
  assert.deepEqual(await look(), { address: '2001:db8::7', port: 4005 })
  await driver.changeRemote([link(fresh)])
  assert.equal(driver.heardFrom('fn6-1'), undefined)
  endpoints.set(fresh, '192.0.2.8:4006')
  assert.equal((await look())?.port, 4006)
  await driver.remove(['fn6-1'])
  assert.equal(driver.heardFrom('fn6-1'), undefined)
})

test('others’ routes to the networks of a peer are looked for', async () => {
  const { looked, driver } = setUp()
  await driver.create([{ ...link(newPublicKey()), routedPrefix: '2001:db8:8000::/56' }])
  assert.deepEqual(looked, [NETWORK, '2001:db8:8000::/56'])
})

test('a missing nft is told with what is lost and the remedy, until it is back; tunnels are made all the same', async () => {
  const { nft, driver } = setUp()
  const told = async () =>
    (await driver.reconcile([link(newPublicKey())])).faults.filter(({ reason }) => reason.includes('nft'))
  nft.isMissing = true
  const [fault, ...others] = await told()
  assert.deepEqual(others, [])
  assert.deepEqual([fault?.device, fault?.isMinor], ['fn6-wg', true])
  assert.match(fault?.reason ?? '', /MSS.*loop.*install nftables.*: nft: spawn nft ENOENT/)
  assert.deepEqual(await driver.create([link(newPublicKey())]), [])
  nft.isMissing = false
  assert.deepEqual(await told(), [])
})
