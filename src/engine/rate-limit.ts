/**
 * Response rate limiting over UDP: a source address that may be forged gets a few replies of a kind a second and no more, so
 * that this server is no use for flooding somebody else.
 *
 * Counted together is what an attacker would have to repeat: replies to one network (IPv4 /24, IPv6 /56: as BIND, NSD
 * and Knot do), of one kind, about one name. The name is the one that the answer comes from, not the one that was
 * asked: for names that do not exist the closest encloser, for a wildcard's the name above it, for a referral the cut.
 * So names made up at random all count as one, and take nothing from other names' share. Errors have no name.
 *
 * A ceiling counts replies to a network of all kinds and names together: names of one zone each have their own share,
 * and a million names together would be a flood. It has buckets of its own kind among the others.
 *
 *     buckets   16,384 sets of 4, each: tag | second | replies in that second | unused     16 octets
 *
 * A bucket's set and tag come from SipHash with a key of this process: nobody can aim at another's bucket. Where all
 * four of a set are taken within the second, the one with the fewest replies is given to the newcomer: it loses its
 * count and nothing else. All threads count in the same memory; two that meet in a bucket may miscount by one.
 */
import { lowerCase, octet } from '../wire/octets.ts'
import { SIPHASH_LENGTH, SipHash } from '../wire/siphash.ts'
import { wireNameLength } from '../wire/wire-name.ts'
import type { Client } from './client.ts'

/** What becomes of a reply: sent, left out, or sent with TC and nothing in it, so that an honest client comes by TCP. */
export const PASSAGE = { SEND: 0, DROP: 1, SLIP: 2 } as const
export type Passage = (typeof PASSAGE)[keyof typeof PASSAGE]

/** A place in a bucket's name that says: it has none. */
export const NO_NAME = 0

/** The kind under which a network's replies of all kinds are counted. */
const ALL_KINDS = 0xff

export const RATE_LIMIT_KEY_LENGTH = 16
const SETS = 16_384
const WAYS = 4
const BUCKET_WORDS = 4
const SECOND = 1
const REPLIES = 2
const IPV4_NETWORK_OCTETS = 3
const IPV6_NETWORK_OCTETS = 7
const LONGEST_INPUT = 2 + IPV6_NETWORK_OCTETS + 255

export interface RateLimitOptions {
  /** Made by `newRateLimitBuckets`, shared by all engines. */
  readonly buckets: SharedArrayBuffer
  /** Replies of a kind that a network gets in a second; 0: as many as it asks for. */
  readonly responsesPerSecond: number
  /** Replies of all kinds that a network gets in a second; 0: as many as it asks for. */
  readonly allPerSecond: number
  /** Of the others every so-manyth goes out truncated; 0: none. */
  readonly slip: number
}

/** Memory for the buckets, with a key of 16 random octets. */
export function newRateLimitBuckets(key: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(RATE_LIMIT_KEY_LENGTH + SETS * WAYS * BUCKET_WORDS * 4)
  new Uint8Array(buffer, 0, RATE_LIMIT_KEY_LENGTH).set(key)
  return buffer
}

export class RateLimit {
  readonly #key: Uint8Array
  readonly #words: Int32Array
  readonly #responsesPerSecond: number
  readonly #allPerSecond: number
  readonly #slip: number
  readonly #hash = new SipHash()
  readonly #input = new Uint8Array(LONGEST_INPUT)

  constructor({ buckets, responsesPerSecond, allPerSecond, slip }: RateLimitOptions) {
    this.#key = new Uint8Array(buckets, 0, RATE_LIMIT_KEY_LENGTH)
    this.#words = new Int32Array(buckets, RATE_LIMIT_KEY_LENGTH)
    this.#responsesPerSecond = responsesPerSecond
    this.#allPerSecond = allPerSecond
    this.#slip = slip
  }

  /**
   * Counts a reply of a kind (an octet below ALL_KINDS) about the uncompressed name at `at` in `name`, or about none if `at` is
   * NO_NAME, and says what becomes of it.
   */
  pass(client: Client, kind: number, name: Uint8Array, at: number): Passage {
    // What is over the limit of its kind is not sent, so that it takes nothing from the ceiling either.
    const ofKind = this.#passCounted(this.#responsesPerSecond, client, kind, name, at)
    return ofKind === PASSAGE.SEND
      ? this.#passCounted(this.#allPerSecond, client, ALL_KINDS, name, NO_NAME)
      : ofKind
  }

  #passCounted(limit: number, client: Client, kind: number, name: Uint8Array, at: number): Passage {
    if (limit === 0) return PASSAGE.SEND
    this.#hash.hash(this.#key, this.#input, this.#describe(client, kind, name, at))
    const over = this.#count(client.seconds | 0) - limit
    if (over <= 0) return PASSAGE.SEND
    return this.#slip > 0 && over % this.#slip === 0 ? PASSAGE.SLIP : PASSAGE.DROP
  }

  /** Writes what is counted together; returns its length. */
  #describe(client: Client, kind: number, name: Uint8Array, at: number): number {
    const input = this.#input
    const network = client.length === 4 ? IPV4_NETWORK_OCTETS : IPV6_NETWORK_OCTETS
    input[0] = client.length
    input[1] = kind
    for (let i = 0; i < network; i++) input[2 + i] = octet(client.octets, i)
    const length = at === NO_NAME ? 0 : wireNameLength(name, at)
    for (let i = 0; i < length; i++) input[2 + network + i] = lowerCase(octet(name, at + i))
    return 2 + network + length
  }

  /** Replies of this second in the bucket that was hashed last, this one included. */
  #count(second: number): number {
    const words = this.#words
    const bucket = this.#bucket(second)
    const counted = Atomics.load(words, bucket + SECOND)
    // A thread that took its batch before the turn of the second counts with those that came after.
    if (counted !== second && counted !== second + 1) {
      Atomics.store(words, bucket + SECOND, second)
      Atomics.store(words, bucket + REPLIES, 0)
    }
    return Atomics.add(words, bucket + REPLIES, 1) + 1
  }

  /** The bucket with the tag, or the one of its set that is missed least. */
  #bucket(second: number): number {
    const words = this.#words
    const tag = this.#hashWord(0) | 1 // 0 is a bucket that nobody has had
    const set = (this.#hashWord(SIPHASH_LENGTH / 2) & (SETS - 1)) * WAYS * BUCKET_WORDS
    let victim = set
    let fewest = Number.MAX_SAFE_INTEGER
    for (let way = 0; way < WAYS; way++) {
      const bucket = set + way * BUCKET_WORDS
      if (Atomics.load(words, bucket) === tag) return bucket
      const replies =
        Atomics.load(words, bucket + SECOND) === second ? Atomics.load(words, bucket + REPLIES) : 0
      if (replies >= fewest) continue
      fewest = replies
      victim = bucket
    }
    Atomics.store(words, victim, tag)
    Atomics.store(words, victim + REPLIES, 0)
    return victim
  }

  #hashWord(from: number): number {
    const hash = this.#hash
    return (
      hash.octet(from) |
      (hash.octet(from + 1) << 8) |
      (hash.octet(from + 2) << 16) |
      (hash.octet(from + 3) << 24)
    )
  }
}
