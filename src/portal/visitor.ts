import type { IncomingMessage } from 'node:http'
import { formatIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'
import type { VisitorAddress } from '../registration/visitor.ts'

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
