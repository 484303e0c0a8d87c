const SUFFIX = Uint8Array.of(3, 0x69, 0x70, 0x36, 4, 0x61, 0x72, 0x70, 0x61, 0) // ip6.arpa.
const NIBBLES = 32
const DIGITS = '0123456789abcdef'

/** The owner of a PTR record for an address of 16 octets, in wire form: see `address/reverse-name.ts` for the text. */
export function reverseOwner(address: Uint8Array): Uint8Array {
  const owner = new Uint8Array(2 * NIBBLES + SUFFIX.length)
  for (let i = 0; i < NIBBLES; i++) {
    const octet = address[15 - (i >> 1)] ?? 0
    owner[2 * i] = 1
    owner[2 * i + 1] = DIGITS.charCodeAt((i & 1) === 0 ? octet & 15 : octet >> 4)
  }
  owner.set(SUFFIX, 2 * NIBBLES)
  return owner
}
