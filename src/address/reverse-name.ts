import type { Prefix } from './prefix.ts'

const BITS_A_NIBBLE = 4

/**
 * The name of a PTR record for an address of 16 octets, without the final dot: 32 nibbles, the lowest first, under
 * ip6.arpa (RFC 3596 2.5).
 */
export function reverseName(octets: Uint8Array): string {
  return reverseApex({ octets, length: 128 })
}

/**
 * The apex of the reverse zone of an IPv6 prefix, without the final dot. The length must be a multiple of four:
 * a zone cut stands between nibbles. Throws RangeError otherwise; the configuration refuses such a prefix first.
 */
export function reverseApex(prefix: Prefix): string {
  if (prefix.length % BITS_A_NIBBLE !== 0) throw new RangeError(`/${prefix.length} does not end on a nibble`)
  const labels: string[] = []
  for (let nibble = prefix.length / BITS_A_NIBBLE - 1; nibble >= 0; nibble--) {
    const octet = prefix.octets[nibble >> 1] ?? 0
    labels.push((nibble % 2 === 0 ? octet >> 4 : octet & 15).toString(16))
  }
  return [...labels, 'ip6', 'arpa'].join('.')
}

/** The apexes of the zones that cover a prefix of any length: one, or up to eight if it ends within a nibble. */
export function reverseApexes(prefix: Prefix): readonly string[] {
  const bits = (BITS_A_NIBBLE - (prefix.length % BITS_A_NIBBLE)) % BITS_A_NIBBLE
  const nibble = Math.ceil(prefix.length / BITS_A_NIBBLE) - 1
  return Array.from({ length: 2 ** bits }, (_, part) => {
    const octets = Uint8Array.from(prefix.octets)
    const at = nibble >> 1
    octets[at] = (octets[at] ?? 0) | (nibble % 2 === 0 ? part << BITS_A_NIBBLE : part)
    return reverseApex({ octets, length: prefix.length + bits })
  })
}
