const KEY_OCTETS = 32
/** Those that X25519 takes every secret to zero with (RFC 7748 6.1): nobody can shake hands by them. In hex. */
const OF_NO_PAIR: ReadonlySet<string> = new Set([
  '00'.repeat(KEY_OCTETS),
  `01${'00'.repeat(KEY_OCTETS - 1)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(KEY_OCTETS - 2)}7f`,
])
/** 2^255 − 19, and what is above it, begin so at their end; the last octets of a key stand highest (RFC 7748 5). */
const PRIME_END = `${'ff'.repeat(KEY_OCTETS - 2)}7f`
const PRIME_LOWEST = 0xed
const HIGHEST_BIT = 0x80

/**
 * Whether a text is a Curve25519 public key as `wg pubkey` writes it: 32 octets in canonical base64, the least number of
 * those that mean the same point, since a peer is known by its octets, and one that a secret belongs to.
 */
export function isPublicKey(text: unknown): text is string {
  if (typeof text !== 'string') return false
  const octets = Buffer.from(text, 'base64')
  if (octets.length !== KEY_OCTETS || octets.toString('base64') !== text) return false
  const hex = octets.toString('hex')
  return isLeast(octets, hex) && !OF_NO_PAIR.has(hex)
}

function isLeast(octets: Uint8Array, hex: string): boolean {
  const [lowest = 0] = octets
  if (((octets.at(-1) ?? 0) & HIGHEST_BIT) !== 0) return false
  return lowest < PRIME_LOWEST || !hex.endsWith(PRIME_END)
}
