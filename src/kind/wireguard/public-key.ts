const KEY_OCTETS = 32
const ZERO_KEY = Buffer.alloc(KEY_OCTETS).toString('base64')

/** Whether a text is a Curve25519 key as `wg` writes it: 32 octets in canonical base64, not all zero. */
export function isPublicKey(text: unknown): text is string {
  if (typeof text !== 'string' || text === ZERO_KEY) return false
  const octets = Buffer.from(text, 'base64')
  return octets.length === KEY_OCTETS && octets.toString('base64') === text
}
