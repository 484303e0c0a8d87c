import { formatIpv4, parseIpv4 } from '../../address/ipv4.ts'
import { formatIpv6, parseIpv6 } from '../../address/ipv6.ts'
import type { Link } from '../../tunnel/interface.ts'

/** A tunnel as the shared layout has it: packets of this /64 come from, and go to, this endpoint. */
export interface Entry {
  readonly device: string
  /** Dotted quad. */
  readonly endpoint: string
  /** The upper 64 bits of its addresses, as 16 hexadecimal digits. */
  readonly network: string
  /** RFC 5952 text. */
  readonly serverAddress: string
}

const NETWORK_OCTETS = 8

/** Reads a link; undefined for a row that was edited by hand and holds no addresses. */
export function entryOf(link: Link): Entry | undefined {
  const endpoint = parseIpv4(link.ipv4Client)
  const server = parseIpv6(link.ipv6Server)
  if (endpoint === undefined || server === undefined) return undefined
  return {
    device: link.device,
    endpoint: formatIpv4(endpoint),
    network: networkOf(server),
    serverAddress: formatIpv6(server),
  }
}

/** The upper half of a 16-octet address, as hexadecimal digits. */
export function networkOf(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, NETWORK_OCTETS).toString('hex')
}

/** `2001:db8:f6:7::/64` for `20010db800f60007`. */
export function formatNetwork(network: string): string {
  const octets = new Uint8Array(2 * NETWORK_OCTETS)
  octets.set(Buffer.from(network, 'hex'))
  return `${formatIpv6(octets)}/64`
}
