import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { configuration, peerOf, readDump } from '../../../src/kind/wireguard/peer.ts'
import { serverKey } from '../../../src/kind/wireguard/server-key.ts'
import { SleepingPeers } from '../../../src/kind/wireguard/sleeping-peers.ts'
import type { Link } from '../../../src/tunnel/interface.ts'

/** Any 32 octets are a private key. */
const PRIVATE_KEY = Buffer.from('77076d0a7318a57d3c16c17251b26645df4c6f5fd4cd5c4f9d2b1a2d8f3e2f5a', 'hex')
const LINK: Link = {
  device: 'fn6-7',
  ipv4Client: '',
  ipv6Client: '2001:db8:f6:7::2',
  ipv6Server: '2001:db8:f6:7::1',
  publicKey: Buffer.alloc(32, 7).toString('base64'),
}

test('a tunnel is a peer whose source filter is its /64, and the prefix that is routed to it', () => {
  assert.deepEqual(peerOf(LINK), {
    device: 'fn6-7',
    publicKey: LINK.publicKey,
    networks: ['2001:db8:f6:7::/64'],
    serverAddress: '2001:db8:f6:7::1',
  })
  const routed = peerOf({ ...LINK, routedPrefix: '2001:db8:8000:100::/56' })
  assert.deepEqual(routed?.networks, ['2001:db8:f6:7::/64', '2001:db8:8000:100::/56'])
})

test('a link without a key, with half a key or without an address is no peer', () => {
  const { publicKey: _, ...keyless } = LINK
  for (const link of [keyless, { ...LINK, publicKey: 'AAAA' }, { ...LINK, ipv6Server: 'x' }])
    assert.equal(peerOf(link), undefined)
})

test('the configuration has key, port and each peer, as wg reads it', () => {
  const peer = peerOf(LINK)
  assert.ok(peer !== undefined)
  assert.equal(
    configuration([peer], { privateKey: 'PRIVATE', port: 51_820 }),
    `[Interface]\nPrivateKey = PRIVATE\nListenPort = 51820\n[Peer]\nPublicKey = ${peer.publicKey}\nAllowedIPs = 2001:db8:f6:7::/64\n`,
  )
})

test('a dump tells handshake, endpoint and counters of each peer, and what is cut off is left out', () => {
  const peers = readDump(
    [
      'private\tpublic\t51820\toff',
      'one\t(none)\t192.0.2.7:4004\t2001:db8::/64\t1700000000\t12\t34\t25',
      'two\t(none)\t(none)\t(none)\t0\t0\t0\toff',
      'three\t(none)',
      '',
    ].join('\n'),
  )
  assert.deepEqual(Object.fromEntries(peers), {
    one: {
      allowedIps: '2001:db8::/64',
      endpoint: '192.0.2.7:4004',
      lastHandshake: 1_700_000_000,
      received: 12,
      sent: 34,
    },
    two: { allowedIps: '(none)', endpoint: undefined, lastHandshake: 0, received: 0, sent: 0 },
  })
})

test('the server’s key is made once, for its owner’s eyes alone, and stays', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-key-'))
  try {
    const key = serverKey(directory)
    assert.equal(statSync(key.file).mode & 0o777, 0o600)
    const text = readFileSync(key.file, 'utf8')
    assert.deepEqual(serverKey(directory), key)
    assert.equal(readFileSync(key.file, 'utf8'), text)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a key that is there is taken as it is; a file that holds none is named', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-key-'))
  try {
    const file = join(directory, 'wireguard.key')
    writeFileSync(file, `${PRIVATE_KEY.toString('base64')}\n`)
    assert.match(serverKey(directory).publicKey, /^[A-Za-z0-9+/]{43}=$/)
    writeFileSync(file, 'nothing\n')
    assert.throws(() => serverKey(directory), /wireguard\.key holds no WireGuard key/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a dormant tunnel is a peer without networks, and is heard when its client has shaken hands since', () => {
  const peer = peerOf(LINK)
  assert.ok(peer !== undefined)
  const sleeping = new SleepingPeers()
  const stateWith = (lastHandshake: number) => {
    const line = `${peer.publicKey}\t(none)\t(none)\t(none)\t${lastHandshake}\t0\t0\toff`
    return readDump(`private\tpublic\t51820\toff\n${line}\n`)
  }
  assert.deepEqual(sleeping.listenFor([peer], new Map()), {
    removed: [],
    made: [peer.publicKey],
    heard: new Set(),
  })
  assert.equal(
    configuration(sleeping.all, { privateKey: 'PRIVATE', port: 51_820 }),
    `[Interface]\nPrivateKey = PRIVATE\nListenPort = 51820\n[Peer]\nPublicKey = ${peer.publicKey}\n`,
  )
  assert.deepEqual(sleeping.listenFor([peer], stateWith(0)).heard, new Set())
  assert.deepEqual(sleeping.listenFor([peer], stateWith(1_700_000_000)).heard, new Set([LINK.device]))
  assert.deepEqual(sleeping.listenFor([peer], stateWith(1_700_000_000)).heard, new Set())
  assert.deepEqual(sleeping.listenFor([], stateWith(1_700_000_000)).removed, [peer.publicKey])
  assert.equal(sleeping.size, 0)
})
