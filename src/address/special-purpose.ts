import { parseIpv4 } from './ipv4.ts'

/** Why an IPv4 address can't be the outer endpoint of a tunnel: what a visitor can do about it differs. */
export type SpecialKind =
  | 'private'
  | 'shared'
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'documentation'
  | 'reserved'
  | 'unusable'

interface Block {
  readonly first: number
  readonly last: number
  readonly kind: SpecialKind
}

/** IANA's IPv4 Special-Purpose Address Registry (RFC 6890 2.2.2 and its updates) and the multicast space (RFC 5771). */
const BLOCKS: readonly Block[] = [
  block('0.0.0.0', 8, 'unusable'), //       RFC 791: this network, never a host's address for others
  block('10.0.0.0', 8, 'private'), //       RFC 1918
  block('100.64.0.0', 10, 'shared'), //     RFC 6598: carrier-grade NAT
  block('127.0.0.0', 8, 'loopback'), //     RFC 1122
  block('169.254.0.0', 16, 'link-local'), // RFC 3927
  block('172.16.0.0', 12, 'private'), //    RFC 1918
  block('192.0.0.0', 24, 'reserved'), //    RFC 6890: IETF protocol assignments
  block('192.0.2.0', 24, 'documentation'), // RFC 5737
  block('192.31.196.0', 24, 'reserved'), // RFC 7535: AS112
  block('192.52.193.0', 24, 'reserved'), // RFC 7450: AMT
  block('192.88.99.0', 24, 'reserved'), //  RFC 7526: deprecated 6to4 relay anycast
  block('192.168.0.0', 16, 'private'), //   RFC 1918
  block('192.175.48.0', 24, 'reserved'), // RFC 7534: AS112
  block('198.18.0.0', 15, 'reserved'), //   RFC 2544: benchmarking
  block('198.51.100.0', 24, 'documentation'), // RFC 5737
  block('203.0.113.0', 24, 'documentation'), // RFC 5737
  block('224.0.0.0', 4, 'multicast'), //    RFC 5771
  block('240.0.0.0', 4, 'unusable'), //     RFC 1112, and 255.255.255.255 of RFC 8190
]

/**
 * Says to which special-purpose block an IPv4 address (unsigned 32-bit) belongs; undefined for an address that
 * hosts on the public Internet have.
 */
export function specialPurpose(address: number): SpecialKind | undefined {
  return BLOCKS.find(({ first, last }) => address >= first && address <= last)?.kind
}

function block(network: string, length: number, kind: SpecialKind): Block {
  const first = parseIpv4(network) ?? Number.NaN
  return { first, last: first + 2 ** (32 - length) - 1, kind }
}
