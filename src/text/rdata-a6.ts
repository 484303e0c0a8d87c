import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import { readDecimal } from './decimal.ts'
import { name, type RdataField } from './rdata-field.ts'
import type { TokenLine } from './token-line.ts'

const ADDRESS_BITS = 128

/** The length of the prefix and the octets of the address behind it (RFC 2874 3.1). */
export const addressSuffix: RdataField = {
  parse(tokens, out) {
    const bits = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
    if (bits === undefined || bits > ADDRESS_BITS) return tokens.expected('a prefix length from 0 to 128')
    out.u8(bits)
    tokens.index++
    return bits === ADDRESS_BITS || writeSuffix(tokens, bits, octets => out.put(octets))
  },
  format: rdata => {
    const bits = rdata.takeNumber(1) ?? ADDRESS_BITS + 1
    const suffix = bits > ADDRESS_BITS ? undefined : rdata.take(suffixLength(bits))
    if (suffix === undefined || isBeyond(suffix, bits)) return undefined
    if (suffix.length === 0) return `${bits}`
    const octets = new Uint8Array(ADDRESS_BITS / 8)
    octets.set(suffix, octets.length - suffix.length)
    return `${bits} ${formatIpv6(octets)}`
  },
}

/** The name that has the prefix; none if that has no bits. */
export const prefixName: RdataField = {
  ...name,
  parse: (tokens, out) => out.octets[0] === 0 || name.parse(tokens, out),
  format: rdata => (rdata.octets[0] === 0 ? '' : name.format(rdata)),
}

function writeSuffix(tokens: TokenLine, bits: number, write: (octets: Uint8Array) => void): boolean {
  const address = parseIpv6(tokens.text())
  if (address === undefined) return tokens.expected('the rest of an IPv6 address')
  const suffix = address.slice(address.length - suffixLength(bits))
  suffix[0] = (suffix[0] ?? 0) & (0xff >> (bits % 8)) // RFC 2874 3.1.1: the bits of the prefix are zero
  write(suffix)
  tokens.index++
  return true
}

function suffixLength(bits: number): number {
  return Math.ceil((ADDRESS_BITS - bits) / 8)
}

function isBeyond(suffix: Uint8Array, bits: number): boolean {
  return suffix.length > 0 && ((suffix[0] ?? 0) & ~(0xff >> (bits % 8))) !== 0
}
