import { formatIpv4, ipv4Bytes, parseIpv4 } from './ipv4.ts'
import { formatIpv6, parseIpv6 } from './ipv6.ts'

/** An address block in CIDR notation (RFC 4632, RFC 4291 2.3): 4 or 16 octets, host bits zero, and a length in bits. */
export interface Prefix {
  readonly octets: Uint8Array
  readonly length: number
}

/** The length of a tunnel's link: a /64 (RFC 4291 2.5.4). */
export const LINK_PREFIX_LENGTH = 64

/**
 * Reads `address/length`, or a bare address as a block of one. Host bits must be zero: `2001:db8::1/32` is refused,
 * because whoever wrote it meant something else than what it says. Returns undefined if the text is not a prefix.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  if (rest.length > 0) return undefined
  const octets = addressOctets(address)
  if (octets === undefined) return undefined
  if (bits === undefined) return { octets, length: octets.length * 8 }
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > octets.length * 8) return undefined
  const prefix = { octets, length: Number(bits) }
  return hasHostBits(prefix) ? undefined : prefix
}

/** The link that an IPv6 address (16 octets) of a tunnel is on. */
export function linkPrefixOf(address: Uint8Array): Prefix {
  return { octets: Uint8Array.from(address).fill(0, LINK_PREFIX_LENGTH / 8), length: LINK_PREFIX_LENGTH }
}

/** Writes a prefix as `address/length`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.octets)}/${prefix.length}`
}

/** Whether an address of the same family (4 or 16 octets) lies in the prefix. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.octets.length) return false
  for (let bit = 0; bit < prefix.length; bit += 8) {
    const mask = prefix.length - bit >= 8 ? 255 : 255 & (255 << (8 - (prefix.length - bit)))
    const index = bit / 8
    if (((address[index] ?? 0) & mask) !== ((prefix.octets[index] ?? 0) & mask)) return false
  }
  return true
}

/** Reads an IPv4 or IPv6 address as 4 or 16 octets; undefined if the text is neither. */
export function addressOctets(text: string): Uint8Array | undefined {
  const ipv4 = parseIpv4(text)
  return ipv4 === undefined ? parseIpv6(text) : ipv4Bytes(ipv4)
}

function formatAddress(octets: Uint8Array): string {
  if (octets.length === 16) return formatIpv6(octets)
  return formatIpv4(new DataView(octets.buffer, octets.byteOffset).getUint32(0))
}

function hasHostBits(prefix: Prefix): boolean {
  return prefix.octets.some((octet, index) => {
    const networkBits = Math.min(8, Math.max(0, prefix.length - index * 8))
    return (octet & (255 >> networkBits)) !== 0
  })
}
