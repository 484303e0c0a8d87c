import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { median } from '../../bench/statistics.ts'
import { addressOctets } from '../../src/address/prefix.ts'
import type { Libc } from '../../src/listen/libc.ts'
import type { Link } from '../../src/tunnel/interface.ts'
import { putUint16, uint16 } from '../../src/wire/octets.ts'
import { FrameSender } from './frame-sender.ts'

const FRAMES = 50_000
const ROUNDS = 5
const SERVER = '192.0.2.1'
const HOST_ON_THE_INTERNET = '2001:db9::80'
const PAYLOAD = 24
const ETHERNET = 14
const IPV4 = 20
const IPV6 = 40
const HOP_LIMIT = 64
const PROTOCOL = { ipv6: 41, none: 59 } as const
/** The last is for experiments: nobody takes it. */
const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, nobodys: 0x88b5 } as const

/** The two networks that tunnels lie between: IPv4's, with the clients, and IPv6's, with the host that they talk to. */
export const NETWORKS = [
  'link set lo up',
  'link add uplink0 type veth peer name uplink1',
  'link set uplink0 up',
  'link set uplink1 up',
  `address add ${SERVER}/24 dev uplink0`,
  'route add 10.0.0.0/8 via 192.0.2.2',
  'neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev uplink0 nud permanent',
  'link add internet0 type veth peer name internet1',
  'link set internet0 up',
  'link set internet1 up',
  `-6 route add ${HOST_ON_THE_INTERNET} dev internet0`,
  `-6 neigh add ${HOST_ON_THE_INTERNET} lladdr 02:00:00:00:00:80 dev internet0 nud permanent`,
]

export interface PacketCost {
  /** Microseconds for a packet from a client, beyond those for a frame that nobody takes; and for one to it. */
  readonly in: number
  readonly out: number
}

/**
 * What the kernel takes to carry a packet through a tunnel, each through another one at random. `links` are up. Throws
 * if one of them does not come out at the other end.
 */
export function costOfPackets(libc: Libc, links: readonly Link[]): PacketCost {
  const rounds = Array.from({ length: ROUNDS }, () => costInRound(libc, links))
  return { in: median(rounds.map(cost => cost.in)), out: median(rounds.map(cost => cost.out)) }
}

/** Both ways and nobody's by turns: a machine that others use as well is slower at one moment than at another. */
function costInRound(libc: Libc, links: readonly Link[]): PacketCost {
  const nobodys = costOf(libc, { from: 'uplink1', at: 'uplink0' }, frame => {
    putUint16(frame, ETHERNET - 2, ETHERTYPE.nobodys)
    return ETHERNET + IPV4 + IPV6 + PAYLOAD
  })
  const through = (way: Way, write: (frame: Uint8Array, link: Link) => number) =>
    costOf(libc, way, frame => {
      const link = links[Math.floor(Math.random() * links.length)]
      assert.ok(link)
      return write(frame, link)
    })
  return {
    in: through({ from: 'uplink1', at: 'uplink0', to: 'internet1' }, writeFromClient) - nobodys,
    out: through({ from: 'internet1', at: 'internet0', to: 'uplink1' }, writeToClient) - nobodys,
  }
}

interface Way {
  readonly from: string
  /** The other end of `from`. */
  readonly at: string
  /** Where all of them must come out. */
  readonly to?: string
}

function costOf(libc: Libc, { from, at, to }: Way, write: (frame: Uint8Array) => number): number {
  const address = Uint8Array.from(figure(at, 'address').split(':'), octet => Number.parseInt(octet, 16))
  const sender = new FrameSender(libc, from)
  const before = to === undefined ? 0 : arrivedAt(to)
  try {
    return sender.send(FRAMES, frame => {
      frame.set(address)
      return write(frame)
    })
  } finally {
    sender.close()
    const came = to === undefined ? FRAMES : arrivedAt(to) - before
    assert.ok(came >= FRAMES, `${came} of ${FRAMES} packets came from ${from} to ${to}`)
  }
}

function arrivedAt(device: string): number {
  return Number(figure(device, 'statistics/rx_packets'))
}

function figure(device: string, name: string): string {
  return readFileSync(`/sys/class/net/${device}/${name}`, 'utf8').trim()
}

function writeFromClient(frame: Uint8Array, { ipv4Client, ipv6Client }: Link): number {
  putUint16(frame, ETHERNET - 2, ETHERTYPE.ipv4)
  const header = frame.subarray(ETHERNET, ETHERNET + IPV4)
  header.fill(0)
  header[0] = 0x45
  putUint16(header, 2, IPV4 + IPV6 + PAYLOAD)
  header[8] = HOP_LIMIT
  header[9] = PROTOCOL.ipv6
  header.set(octetsOf(ipv4Client ?? ''), 12)
  header.set(octetsOf(SERVER), 16)
  putUint16(header, 10, checksum(header))
  return writeIpv6(frame, ETHERNET + IPV4, { source: ipv6Client, destination: HOST_ON_THE_INTERNET })
}

function writeToClient(frame: Uint8Array, { ipv6Client }: Link): number {
  putUint16(frame, ETHERNET - 2, ETHERTYPE.ipv6)
  return writeIpv6(frame, ETHERNET, { source: HOST_ON_THE_INTERNET, destination: ipv6Client })
}

/** Returns where the packet ends. */
function writeIpv6(
  frame: Uint8Array,
  at: number,
  ends: { readonly source: string; readonly destination: string },
): number {
  frame.fill(0, at, at + IPV6 + PAYLOAD)
  frame[at] = 0x60
  putUint16(frame, at + 4, PAYLOAD)
  frame[at + 6] = PROTOCOL.none
  frame[at + 7] = HOP_LIMIT
  frame.set(octetsOf(ends.source), at + 8)
  frame.set(octetsOf(ends.destination), at + 24)
  return at + IPV6 + PAYLOAD
}

function octetsOf(address: string): Uint8Array {
  const octets = addressOctets(address)
  assert.ok(octets)
  return octets
}

/** RFC 1071, of a header whose own is 0. */
function checksum(header: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < header.length; i += 2) sum += uint16(header, i)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~(sum + (sum >>> 16)) & 0xffff
}
