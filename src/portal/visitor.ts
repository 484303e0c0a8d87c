import type { IncomingMessage } from 'node:http'
import proxyAddr from 'proxy-addr'
import { formatIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { addressOctets, type Prefix, parsePrefix, prefixContains } from '../address/prefix.ts'
import { type VisitorAddress, visitorKind } from '../registration/visitor.ts'
import { parseEndpoint } from '../shared/endpoint.ts'

/** Loopback and unique local addresses (RFC 4291 2.5.3, RFC 4193). */
const OWN_IPV6 = ['::1/128', 'fc00::/7'].flatMap(text => parsePrefix(text) ?? [])

/**
 * The visitor's address: the connection's peer, or, where that is a trusted proxy, the last address in
 * X-Forwarded-For that is none. What stands further left may be anything the visitor wrote. `Forwarded` (RFC 7239) is
 * not read: a proxy that sets one of the two headers passes the other on as the visitor sent it.
 */
export function visitorOf(request: IncomingMessage, trustedProxies: readonly Prefix[]): VisitorAddress {
  const peer = canonical(request.socket.remoteAddress ?? '')
  if (peer === undefined) return { address: '', family: 4, source: 'connection' }
  const isTrusted = (address: string) => isWithin(address, trustedProxies)
  const hop = proxyAddr(request, isTrusted)
  const found = canonical(hop)
  const isProxy = found === undefined || isTrusted(hop) || !isTrusted(request.socket.remoteAddress ?? '')
  return isProxy ? visitor(peer, 'connection') : visitor(found, 'proxy')
}

/**
 * Whether a request came through a proxy in our own network that the configuration does not name: a header tells of a
 * visitor, and nobody is believed. Every visitor has the proxy's address then, which no tunnel can lead to. Somebody from
 * elsewhere may write such a header for the fun of it.
 */
export function isByUnnamedProxy(request: IncomingMessage, trustedProxies: readonly Prefix[]): boolean {
  const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers
  if (forwardedFor === undefined && forwarded === undefined) return false
  const peer = visitorOf(request, [])
  const kind = visitorKind(peer)
  const isOwn = kind === 'private' || kind === 'loopback' || isWithin(peer.address, OWN_IPV6)
  return isOwn && !isWithin(peer.address, trustedProxies)
}

/** Whether an address as text is in one of the prefixes; no text that is no address is. */
export function isWithin(address: string, prefixes: readonly Prefix[]): boolean {
  const octets = canonical(address)
  return octets !== undefined && prefixes.some(prefix => prefixContains(prefix, octets))
}

function visitor(octets: Uint8Array, source: VisitorAddress['source']): VisitorAddress {
  return octets.length === 4
    ? { address: formatIpv4(new DataView(octets.buffer, octets.byteOffset).getUint32(0)), family: 4, source }
    : { address: formatIpv6(octets), family: 6, source }
}

/** An address as a proxy may write it: alone, with a zone, in brackets, with a port; a mapped one as IPv4. */
function canonical(text: string): Uint8Array | undefined {
  const bare = parseEndpoint(text)?.address ?? /^\[([^\]]*)\]$/.exec(text)?.[1] ?? text
  const octets = addressOctets(bare.split('%')[0] ?? '')
  const isMapped =
    octets?.length === 16 &&
    octets.subarray(0, 10).every(octet => octet === 0) &&
    octets[10] === 255 &&
    octets[11] === 255
  return isMapped ? octets.slice(12) : octets
}
