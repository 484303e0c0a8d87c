import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SIPHASH_LENGTH, SipHash } from '../../src/wire/siphash.ts'

/** From the reference implementation: key 00 01 … 0f, message 00 01 … of so many octets. */
const VECTORS: readonly (readonly [number, string])[] = [
  [0, '310e0edd47db6f72'],
  [1, 'fd67dc93c539f874'],
  [7, '37d1018bf50002ab'],
  [8, '6224939a79f5f593'],
  [15, 'e545be4961ca29a1'],
  [63, '724506eb4c328a95'],
]

function hashed(hash: SipHash, key: Uint8Array, octets: Uint8Array, length = octets.length): string {
  hash.hash(key, octets, length)
  return Buffer.from(Array.from({ length: SIPHASH_LENGTH }, (_, i) => hash.octet(i))).toString('hex')
}

test('SipHash-2-4 of the reference implementation, one instance for all', () => {
  const hash = new SipHash()
  const key = Uint8Array.from({ length: 16 }, (_, i) => i)
  const message = Uint8Array.from({ length: 64 }, (_, i) => i)
  for (const [length, expected] of VECTORS)
    assert.equal(hashed(hash, key, message, length), expected, `${length} octets`)
})

test('SipHash-2-4 agrees with 64-bit arithmetic for any key and message', () => {
  const hash = new SipHash()
  for (let i = 0; i < 2000; i++) {
    const octets = crypto.getRandomValues(new Uint8Array(16 + (i % 41)))
    const [key, message] = [octets.subarray(0, 16), octets.subarray(16)]
    assert.equal(hashed(hash, key, message), plainSipHash(key, message), Buffer.from(octets).toString('hex'))
  }
})

/** The same by the book, in BigInt. */
function plainSipHash(key: Uint8Array, message: Uint8Array): string {
  const wide = (value: bigint) => BigInt.asUintN(64, value)
  const rotate = (value: bigint, bits: bigint) => wide(value << bits) | (value >> (64n - bits))
  const words = Buffer.alloc(8 * (Math.floor(message.length / 8) + 1))
  words.set(message)
  words[words.length - 1] = message.length
  const keys = Buffer.from(key)
  const [k0, k1] = [keys.readBigUInt64LE(0), keys.readBigUInt64LE(8)]
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn]
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n]
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = wide(v0 + v1)
      v1 = rotate(v1, 13n) ^ v0
      v0 = rotate(v0, 32n)
      v2 = wide(v2 + v3)
      v3 = rotate(v3, 16n) ^ v2
      v0 = wide(v0 + v3)
      v3 = rotate(v3, 21n) ^ v0
      v2 = wide(v2 + v1)
      v1 = rotate(v1, 17n) ^ v2
      v2 = rotate(v2, 32n)
    }
  }
  for (let at = 0; at < words.length; at += 8) {
    const word = words.readBigUInt64LE(at)
    v3 ^= word
    rounds(2)
    v0 ^= word
  }
  v2 ^= 0xffn
  rounds(4)
  const result = Buffer.alloc(8)
  result.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3)
  return result.toString('hex')
}
