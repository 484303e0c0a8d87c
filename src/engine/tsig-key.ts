/** Hash and length of the whole MAC of each algorithm that a key may have (RFC 8945 6). */
export const TSIG_ALGORITHMS = {
  'hmac-sha1': { hash: 'sha1', macLength: 20 },
  'hmac-sha224': { hash: 'sha224', macLength: 28 },
  'hmac-sha256': { hash: 'sha256', macLength: 32 },
  'hmac-sha384': { hash: 'sha384', macLength: 48 },
  'hmac-sha512': { hash: 'sha512', macLength: 64 },
} as const

/** A secret shared with a client; plain values, so that they can be handed from thread to thread. */
export interface TsigKey {
  /** In wire form and lower case. */
  readonly name: Uint8Array
  readonly algorithm: keyof typeof TSIG_ALGORITHMS
  readonly secret: Uint8Array
}
