/** What the raw sockets must not take for an answer, from a host on the other side of a tun device that a test plays. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { after, test } from 'node:test'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { chooseProber } from '../../src/echo/choose-prober.ts'
import { FpingProber } from '../../src/echo/fping-prober.ts'
import { IcmpProber } from '../../src/echo/icmp-prober.ts'
import { type Prober, verdictOf } from '../../src/echo/prober.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'

const missing = (await missingPackages(['ip', 'fping', 'nft'])) ?? (await enterOwnNetwork())
const SKIP = { timeout: 60_000, ...(missing === undefined ? {} : { skip: missing }) }

const NFT = 'nft'
const SILENT = '2001:db8:d'
const ALIVE = '2001:db8:a'
const TIMEOUT_MS = 500

if (missing === undefined) {
  for (const line of [
    'link add quiet0 arp off type veth peer name quiet1',
    'link set quiet0 up',
    'link set quiet1 up',
    'address add 2001:db8:ffff::ff/64 dev quiet0 nodad',
    `-6 route add ${SILENT}::/64 dev quiet0`,
    `-6 route add local ${ALIVE}::/64 dev lo`,
  ])
    execFileSync('ip', line.split(' '))
}

/** So many targets, every other one silent. */
function halfSilent(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const host = `${(1 + (i >> 12)).toString(16)}:${((i & 0xfff) + 1).toString(16)}`
    return `${i % 2 === 0 ? SILENT : ALIVE}::${host}`
  })
}

test('a round of 100,000, half of them silent, loses no reply', SKIP, async () => {
  const targets = halfSilent(100_000)
  const verdicts = await (await chooseProber('icmp')).probe(targets, { timeoutMs: 3000 })
  const wrong = targets.filter(
    (target, i) => verdictOf(verdicts, target).kind !== (i % 2 === 0 ? 'silent' : 'answered'),
  )
  assert.deepEqual(wrong.slice(0, 3), [])
})

test('the verdicts on 5,000 are those of fping', SKIP, async () => {
  const targets = halfSilent(5000)
  const ours = await (await chooseProber('icmp')).probe(targets, { timeoutMs: TIMEOUT_MS })
  const fpings = await new FpingProber().probe(targets, { timeoutMs: TIMEOUT_MS })
  for (const target of targets) assert.equal(verdictOf(ours, target).kind, verdictOf(fpings, target).kind)
})

test('the rest of the process has its turns while a round runs', SKIP, async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 10)
  await (await chooseProber('icmp')).probe(halfSilent(20_000), { timeoutMs: TIMEOUT_MS })
  clearInterval(timer)
  assert.ok(turns > 20, `${turns} turns`)
})

test('rounds at the same time each have their own answers', SKIP, async () => {
  const prober = await chooseProber('icmp')
  const rounds = Array.from({ length: 20 }, (_, i) => [
    `${ALIVE}::${i + 1}`,
    `${SILENT}::${i + 1}`,
    '127.0.0.1',
  ])
  const found = await Promise.all(rounds.map(targets => prober.probe(targets, { timeoutMs: TIMEOUT_MS })))
  for (const [i, targets] of rounds.entries()) {
    const kinds = targets.map(target => found[i]?.get(target)?.kind)
    assert.deepEqual(kinds, ['answered', 'silent', 'answered'])
  }
})

/** What the host behind the tun device does with a request to it; each returns the packets to send, and when. */
const HOSTS: Readonly<
  Record<
    string,
    { readonly kind: 'answered' | 'silent'; readonly reply: (request: Buffer) => readonly Sent[] }
  >
> = {
  honest: { kind: 'answered', reply: request => [{ packet: replyTo(request), afterMs: 0 }] },
  doubled: {
    kind: 'answered',
    reply: request => [0, 0, 5].map(afterMs => ({ packet: replyTo(request), afterMs })),
  },
  late: {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request), afterMs: TIMEOUT_MS + 200 }],
  },
  'with a forged tag': {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { flip: 40 + 16 }), afterMs: 0 }],
  },
  "with another target's index": {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { flip: 40 + 15 }), afterMs: 0 }],
  },
  'from another address': {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { flip: 8 + 15 }), afterMs: 0 }],
  },
  'with another identifier': {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { flip: 40 + 5 }), afterMs: 0 }],
  },
  'with another sequence': {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { flip: 40 + 7 }), afterMs: 0 }],
  },
  'with a wrong checksum, which is no loss of ours': {
    kind: 'silent',
    reply: request => [{ packet: spoilt(replyTo(request)), afterMs: 0 }],
  },
  'that it is unreachable': {
    kind: 'silent',
    reply: request => [{ packet: unreachableFor(request), afterMs: 0 }],
  },
  'that it is unreachable, and then itself': {
    kind: 'answered',
    reply: request => [
      { packet: unreachableFor(request), afterMs: 0 },
      { packet: replyTo(request), afterMs: 5 },
    ],
  },
  'cut short': {
    kind: 'silent',
    reply: request => [{ packet: replyTo(request, { length: 40 + 12 }), afterMs: 0 }],
  },
}

interface Sent {
  readonly packet: Buffer
  readonly afterMs: number
}

/** The reply that a host gives, or one with an octet changed or the end cut off; its checksum is right in any case. */
function replyTo(request: Buffer, change: { readonly flip?: number; readonly length?: number } = {}): Buffer {
  const packet = Buffer.from(request.subarray(0, change.length ?? request.length))
  request.copy(packet, 8, 24, 40)
  request.copy(packet, 24, 8, 24)
  packet.writeUInt16BE(packet.length - 40, 4)
  packet[40] = 129
  if (change.flip !== undefined) packet[change.flip] = (packet[change.flip] ?? 0) ^ 1
  packet.writeUInt16BE(0, 42)
  packet.writeUInt16BE(checksum(packet), 42)
  return packet
}

function spoilt(packet: Buffer): Buffer {
  packet.writeUInt16BE(packet.readUInt16BE(42) ^ 0x5555, 42)
  return packet
}

/** RFC 4443 3.1, of the host itself: address unreachable, with the request quoted. */
function unreachableFor(request: Buffer): Buffer {
  const packet = Buffer.concat([
    Buffer.from(request.subarray(0, 40)),
    Buffer.from([1, 3, 0, 0, 0, 0, 0, 0]),
    request,
  ])
  request.copy(packet, 8, 24, 40)
  request.copy(packet, 24, 8, 24)
  packet.writeUInt16BE(packet.length - 40, 4)
  packet.writeUInt16BE(checksum(packet), 42)
  return packet
}

/** RFC 4443 2.3: over a pseudo-header of both addresses, the length and the protocol. */
function checksum(packet: Buffer): number {
  let sum = packet.length - 40 + 58
  const padded = Buffer.concat([packet.subarray(8), Buffer.alloc(packet.length % 2)])
  for (let i = 0; i < padded.length; i += 2) sum += padded.readUInt16BE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Opens a tun device and answers what comes for the hosts, one address each. */
async function playHosts(): Promise<{ readonly targets: readonly string[]; readonly stop: () => void }> {
  const koffi = (await import('koffi')).default
  const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)')
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
  const request = Buffer.alloc(40)
  request.write('hosts0')
  request.writeUInt16LE(0x1001, 16) // IFF_TUN | IFF_NO_PI
  assert.equal(ioctl(fd, 0x4004_54ca, request), 0, 'no tun device can be had')
  execFileSync('ip', ['link', 'set', 'hosts0', 'up'])
  execFileSync('ip', ['-6', 'route', 'add', '2001:db8:e::/64', 'dev', 'hosts0'])
  const hosts = Object.values(HOSTS)
  const targets = hosts.map((_, i) => `2001:db8:e::${(2 * i + 2).toString(16)}`)
  const octets = targets.map(target => Buffer.from(parseIpv6(target) ?? []))
  let isOpen = true
  const packet = Buffer.alloc(2000)
  const serve = () => {
    for (let length = readIfAny(fd, packet); length > 0; length = readIfAny(fd, packet)) {
      const asked = packet.subarray(0, length)
      const host = hosts[octets.findIndex(address => address.equals(asked.subarray(24, 40)))]
      if (asked[40] !== 128 || host === undefined) continue
      for (const { packet: reply, afterMs } of host.reply(asked)) {
        setTimeout(() => isOpen && writeSync(fd, reply), afterMs)
      }
    }
  }
  const timer = setInterval(serve, 1)
  return {
    targets,
    stop: () => {
      isOpen = false
      clearInterval(timer)
      closeSync(fd)
    },
  }
}

/** Octets of the packet that waits; 0 where none does. */
function readIfAny(fd: number, packet: Buffer): number {
  try {
    return readSync(fd, packet)
  } catch {
    return 0
  }
}

test(
  'late, doubled, forged and foreign replies: only what a target itself sent in time is its answer',
  SKIP,
  async () => {
    const hosts = await playHosts()
    after(hosts.stop)
    const prober = await chooseProber('icmp')
    const verdicts = await prober.probe(hosts.targets, { timeoutMs: TIMEOUT_MS })
    const found = Object.keys(HOSTS).map((name, i) => [
      name,
      verdictOf(verdicts, hosts.targets[i] ?? '').kind,
    ])
    assert.deepEqual(
      found,
      Object.entries(HOSTS).map(([name, { kind }]) => [name, kind]),
    )
  },
)

test(
  'a round ends in a flood of replies that nobody can read to its end, and knows nothing then',
  SKIP,
  async () => {
    const libc = (await loadLibc()) ?? assert.fail('no libc')
    const flooded = new IcmpProber({
      ...libc,
      recvmmsg: (...args) => Math.max(64, libc.recvmmsg(...args)),
    })
    const verdicts = await flooded.probe([`${SILENT}::1`], { timeoutMs: TIMEOUT_MS })
    assert.equal(verdictOf(verdicts, `${SILENT}::1`).kind, 'unknown')
  },
)

test('replies to others’ requests are kept out by the kernel, of both families', SKIP, async () => {
  const libc = (await loadLibc()) ?? assert.fail('no libc')
  let received = 0
  const counting = new IcmpProber({
    ...libc,
    recvmmsg: (...args) => {
      const count = libc.recvmmsg(...args)
      received += Math.max(count, 0)
      return count
    },
  })
  const others = await chooseProber('icmp')
  const [own, foreign] = [1, 200].map(first => [
    '127.0.0.7',
    `${SILENT}::1`,
    ...Array.from({ length: 100 }, (_, i) => `${ALIVE}::${(first + i).toString(16)}`),
    ...Array.from({ length: 100 }, (_, i) => `127.0.1.${(first % 100) + i}`),
  ])
  const [verdicts] = await Promise.all([
    counting.probe(own ?? [], { timeoutMs: TIMEOUT_MS }),
    others.probe(foreign ?? [], { timeoutMs: TIMEOUT_MS }),
  ])
  assert.equal([...verdicts.values()].filter(({ kind }) => kind === 'answered').length, 201)
  assert.equal(received, 201)
})

test(
  'clients of the pool are asked from the server’s end of their link, which no interface has',
  SKIP,
  async () => {
    const client = '2001:db8:c:7::2'
    execFileSync('ip', ['-6', 'route', 'add', 'local', '2001:db8:c:7::/64', 'dev', 'lo'])
    const others = `icmpv6 type echo-request ip6 daddr ${client} ip6 saddr != 2001:db8:c:7::1 drop`
    const output = '{ type filter hook output priority 0; }'
    execFileSync(NFT, ['-f', '-'], {
      input: `add table ip6 ends\nadd chain ip6 ends output ${output}\nadd rule ip6 ends output ${others}\n`,
    })
    const pool = parsePrefix('2001:db8:c::/48')
    assert.ok(pool)
    const asked = [client, '127.0.0.1', `${ALIVE}::5`]
    const kinds = async (prober: Prober) => {
      const verdicts = await prober.probe(asked, { timeoutMs: TIMEOUT_MS })
      return asked.map(target => verdictOf(verdicts, target).kind)
    }
    assert.notEqual((await kinds(await chooseProber('icmp')))[0], 'answered')
    assert.deepEqual(await kinds(await chooseProber('icmp', { pool })), ['answered', 'answered', 'answered'])
  },
)

test(
  'a fault of our own ends a round with nobody known to be silent, and the next one is asked as ever',
  SKIP,
  async () => {
    const libc = (await loadLibc()) ?? assert.fail('no libc')
    let isBroken = false
    const recvmmsg: typeof libc.recvmmsg = (...args) => {
      assert.ok(!isBroken, 'a fault of our own')
      return libc.recvmmsg(...args)
    }
    const prober = new IcmpProber(Object.assign(Object.create(libc), { recvmmsg }))
    const targets = halfSilent(4)
    const faults: unknown[] = []
    const note = (error: unknown) => faults.push(error)
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', note)
    try {
      const round = prober.probe(targets, { timeoutMs: TIMEOUT_MS })
      isBroken = true
      const verdicts = await round
      assert.equal(verdictOf(verdicts, targets[0] ?? '').kind, 'unknown')
      isBroken = false
      const next = await prober.probe(targets, { timeoutMs: TIMEOUT_MS })
      assert.deepEqual(
        targets.map(target => verdictOf(next, target).kind),
        ['silent', 'answered', 'silent', 'answered'],
      )
      assert.equal(faults.length, 1)
    } finally {
      process.off('uncaughtException', note)
      for (const other of others) process.on('uncaughtException', other)
    }
  },
)
