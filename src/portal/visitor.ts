import type { IncomingMessage } from 'node:http'
import { formatIpv4, parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'
import { specialPurpose } from '../address/special-purpose.ts'

/** Where a request comes from, and how we know. */
export interface VisitorAddress {
  /** Canonical text; an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) as the IPv4 address it is. */
  readonly address: string
  readonly family: 4 | 6
  readonly source: 'connection' | 'proxy'
}

/**
 * The visitor's address: the connection's peer, or, where that is a trusted proxy, the last address in
 * X-Forwarded-For that is none. What stands further left may be anything the visitor wrote.
 */
export function visitorOf(request: IncomingMessage, trustedProxies: readonly Prefix[]): VisitorAddress {
  const peer = canonical(request.socket.remoteAddress ?? '')
  if (peer === undefined) return { address: '', family: 4, source: 'connection' }
  const isTrusted = (octets: Uint8Array) => trustedProxies.some(prefix => prefixContains(prefix, octets))
  if (!isTrusted(peer)) return visitor(peer, 'connection')
  const header = request.headers['x-forwarded-for']
  const hops = String(header ?? '')
    .split(',')
    .map(hop => hop.trim())
    .filter(hop => hop !== '')
  for (const hop of hops.reverse()) {
    const octets = canonical(hop)
    if (octets === undefined) break
    if (!isTrusted(octets)) return visitor(octets, 'proxy')
  }
  return visitor(peer, 'connection')
}

/** What limits count: a host's IPv4 address, an IPv6 customer's /56. */
export function limitKey({ address, family }: VisitorAddress): string {
  const octets = addressOctets(address)
  return family === 4 || octets === undefined ? address : Buffer.from(octets.subarray(0, 7)).toString('hex')
}

/** What the visitor's own address says about a NAT before it, in words; empty where it says nothing. */
export function visitorWords({ address, family }: VisitorAddress): string {
  const ipv4 = family === 4 ? parseIpv4(address) : undefined
  const kind = ipv4 === undefined ? undefined : specialPurpose(ipv4)
  if (kind === 'private')
    return 'That is a private address: you are in the same network as this server, or a NAT or proxy stands between.'
  if (kind === 'shared')
    return 'That is an address that your provider shares among customers (carrier-grade NAT): a tunnel can not reach you there.'
  if (kind === 'loopback') return 'That is this server’s own machine.'
  return ''
}

function visitor(octets: Uint8Array, source: VisitorAddress['source']): VisitorAddress {
  return octets.length === 4
    ? { address: formatIpv4(new DataView(octets.buffer, octets.byteOffset).getUint32(0)), family: 4, source }
    : { address: formatIpv6(octets), family: 6, source }
}

function canonical(text: string): Uint8Array | undefined {
  const octets = addressOctets(text.split('%')[0] ?? '')
  const isMapped =
    octets?.length === 16 &&
    octets.subarray(0, 10).every(octet => octet === 0) &&
    octets[10] === 255 &&
    octets[11] === 255
  return isMapped ? octets.slice(12) : octets
}
