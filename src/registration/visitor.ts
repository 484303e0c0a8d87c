import { parseIpv4 } from '../address/ipv4.ts'
import { specialPurpose } from '../address/special-purpose.ts'

/** Who asks: the request's source address in text form; undefined for the operator, who may register for anybody. */
export interface Visitor {
  readonly address: string
}

/** Where a request comes from, and how we know. */
export interface VisitorAddress {
  /** Canonical text; an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) as the IPv4 address it is. */
  readonly address: string
  readonly family: 4 | 6
  readonly source: 'connection' | 'proxy'
}

/** What the visitor's own address says about a NAT before it; undefined if it says nothing. */
export function visitorKind({
  address,
  family,
}: VisitorAddress): 'private' | 'shared' | 'loopback' | undefined {
  const ipv4 = family === 4 ? parseIpv4(address) : undefined
  const kind = ipv4 === undefined ? undefined : specialPurpose(ipv4)
  return kind === 'private' || kind === 'shared' || kind === 'loopback' ? kind : undefined
}
