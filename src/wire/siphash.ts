/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits for short messages.
 *
 * JavaScript has no 64-bit integer that costs nothing, so each word is two halves of 32 bits, low and high.
 */
import { octet } from './octets.ts'

/** Octets of the hash. */
export const SIPHASH_LENGTH = 8
const BLOCK = 8
const COMPRESSION_ROUNDS = 2
const FINALIZATION_ROUNDS = 4

/** One instance serves any number of hashes, one after the other: nothing is allocated for a hash. */
export class SipHash {
  #low = 0
  #high = 0

  /**
   * Hashes the first `length` octets with a key of 16 octets; `octet` then tells the result.
   *
   * Long, because the eight halves of the state must be locals: as elements of an array they make it five times slower.
   */
  hash(key: Uint8Array, octets: Uint8Array, length: number): void {
    // "somepseudorandomlygeneratedbytes", mixed with the key.
    let low0 = 0x70736575 ^ word(key, 0)
    let high0 = 0x736f6d65 ^ word(key, 4)
    let low1 = 0x6e646f6d ^ word(key, 8)
    let high1 = 0x646f7261 ^ word(key, 12)
    let low2 = 0x6e657261 ^ word(key, 0)
    let high2 = 0x6c796765 ^ word(key, 4)
    let low3 = 0x79746573 ^ word(key, 8)
    let high3 = 0x74656462 ^ word(key, 12)

    // The blocks, the last of them with the length in its last octet; then the finalization, as a block of zeros.
    const last = length - (length % BLOCK)
    for (let at = 0; at <= last + BLOCK; at += BLOCK) {
      const low = at < last ? word(octets, at) : at === last ? rest(octets, at, length) : 0
      const high =
        at < last ? word(octets, at + 4) : at === last ? rest(octets, at + 4, length) | (length << 24) : 0
      low3 ^= low
      high3 ^= high
      if (at > last) low2 ^= 0xff
      for (let left = at > last ? FINALIZATION_ROUNDS : COMPRESSION_ROUNDS; left > 0; left--) {
        // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
        let sum = (low0 + low1) | 0
        let sumHigh = (high0 + high1 + carry(sum, low1)) | 0
        let rotated = ((low1 << 13) | (high1 >>> 19)) ^ sum
        high1 = ((high1 << 13) | (low1 >>> 19)) ^ sumHigh
        low1 = rotated
        low0 = sumHigh
        high0 = sum
        // v2 += v3; v3 <<<= 16; v3 ^= v2
        low2 = (low2 + low3) | 0
        high2 = (high2 + high3 + carry(low2, low3)) | 0
        rotated = ((low3 << 16) | (high3 >>> 16)) ^ low2
        high3 = ((high3 << 16) | (low3 >>> 16)) ^ high2
        low3 = rotated
        // v0 += v3; v3 <<<= 21; v3 ^= v0
        low0 = (low0 + low3) | 0
        high0 = (high0 + high3 + carry(low0, low3)) | 0
        rotated = ((low3 << 21) | (high3 >>> 11)) ^ low0
        high3 = ((high3 << 21) | (low3 >>> 11)) ^ high0
        low3 = rotated
        // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
        sum = (low2 + low1) | 0
        sumHigh = (high2 + high1 + carry(sum, low1)) | 0
        rotated = ((low1 << 17) | (high1 >>> 15)) ^ sum
        high1 = ((high1 << 17) | (low1 >>> 15)) ^ sumHigh
        low1 = rotated
        low2 = sumHigh
        high2 = sum
      }
      low0 ^= low
      high0 ^= high
    }
    this.#low = low0 ^ low1 ^ low2 ^ low3
    this.#high = high0 ^ high1 ^ high2 ^ high3
  }

  /** An octet of the last hash, 0 to 7: least significant first, as it goes into a message. */
  octet(index: number): number {
    return ((index < 4 ? this.#low : this.#high) >>> ((index & 3) * 8)) & 0xff
  }
}

/** Did the sum of two halves, of which `part` is one, run over? */
function carry(sum: number, part: number): number {
  return sum >>> 0 < part >>> 0 ? 1 : 0
}

/** Four octets, least significant first. */
function word(octets: Uint8Array, at: number): number {
  return (
    octet(octets, at) |
    (octet(octets, at + 1) << 8) |
    (octet(octets, at + 2) << 16) |
    (octet(octets, at + 3) << 24)
  )
}

/** The same, with zeros for the octets behind the end. */
function rest(octets: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = 0; i < 4 && at + i < end; i++) value |= octet(octets, at + i) << (8 * i)
  return value
}
