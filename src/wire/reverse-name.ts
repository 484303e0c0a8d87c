const SUFFIX = Uint8Array.of(3, 0x69, 0x70, 0x36, 4, 0x61, 0x72, 0x70, 0x61, 0) // ip6.arpa.
const NIBBLES = 32
const DIGITS = new TextEncoder().encode('0123456789abcdef')

/** The owner of a PTR record for an address of 16 octets, in wire form: see `address/reverse-name.ts` for the text. */
export function reverseOwner(address: Uint8Array): Uint8Array {
  const owner = Buffer.allocUnsafe(2 * NIBBLES + SUFFIX.length) // from the pool: a start makes millions
  for (let i = 0; i < NIBBLES; i++) {
    const octet = address[15 - (i >> 1)] ?? 0
    owner[2 * i] = 1
    owner[2 * i + 1] = DIGITS[(i & 1) === 0 ? octet & 15 : octet >> 4] ?? 0
  }
  for (let i = 0; i < SUFFIX.length; i++) owner[2 * NIBBLES + i] = SUFFIX[i] ?? 0
  return owner
}
