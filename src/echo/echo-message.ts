/**
 * Echo requests that only their own targets can answer:
 *
 *     0 type 1 | 1 code 1 | 2 checksum 2 | 4 identifier 2 | 6 sequence 2 | 8 round 4 | 12 index 4 | 16 tag 8
 *
 * A reply repeats all from the identifier on (RFC 4443 4.2, RFC 792). The tag is a keyed hash of the target and of
 * what stands before it, so that nobody can answer for a target, or for another round, without having had its request.
 */
import { copyOctets, putUint16, putUint32, uint16, uint32 } from '../wire/octets.ts'
import { SIPHASH_LENGTH, SipHash } from '../wire/siphash.ts'

export const ECHO_LENGTH = 24
const IDENTIFIER = 4
const SEQUENCE = 6
const ROUND = 8
const INDEX = 12
const TAG = 16
/** RFC 4443 and RFC 792. */
export const ICMPV6 = { unreachable: 1, echoRequest: 128, echoReply: 129 } as const
export const ICMPV4 = { echoReply: 0, echoRequest: 8 } as const
/** An IPv4 address fills the first four octets of its room. */
export const TARGET_ROOM = 16

/** Writes and recognises the messages of one process, whose secret nobody else has. Allocates nothing for a message. */
export class EchoMessages {
  readonly #key: Uint8Array
  readonly #identifier: number
  readonly #hash = new SipHash()
  readonly #hashed = new Uint8Array(TARGET_ROOM + TAG - IDENTIFIER)

  /** `secret` is 18 random octets: a key and an identifier. */
  constructor(secret: Uint8Array) {
    this.#key = secret.subarray(0, 16)
    this.#identifier = uint16(secret, 16)
  }

  /** Writes the request of a round to its target with an index; `targets` holds a room for each. `bench/prober.ts` says why no object is made for it. */
  write(
    octets: Uint8Array,
    at: number,
    echo: {
      readonly family: 4 | 6
      readonly round: number
      readonly targets: Uint8Array
    },
    index: number,
  ): void {
    octets[at] = echo.family === 4 ? ICMPV4.echoRequest : ICMPV6.echoRequest
    octets[at + 1] = 0
    putUint16(octets, at + 2, 0) // the kernel puts ICMPv6's checksum in (RFC 3542 3.1)
    putUint16(octets, at + IDENTIFIER, this.#identifier)
    putUint16(octets, at + SEQUENCE, index & 0xffff)
    putUint32(octets, at + ROUND, echo.round)
    putUint32(octets, at + INDEX, index)
    this.#hashFor(octets, at, echo.targets, index)
    for (let i = 0; i < SIPHASH_LENGTH; i++) octets[at + TAG + i] = this.#hash.octet(i)
    if (echo.family === 4) putUint16(octets, at + 2, checksum(octets, at))
  }

  /** Is this, from the identifier on, what was sent to the target with the index that it names? */
  isOurs(octets: Uint8Array, at: number, targets: Uint8Array): boolean {
    this.#hashFor(octets, at, targets, indexOf(octets, at))
    let difference = 0
    for (let i = 0; i < SIPHASH_LENGTH; i++) difference |= (octets[at + TAG + i] ?? 0) ^ this.#hash.octet(i)
    return difference === 0
  }

  #hashFor(octets: Uint8Array, at: number, targets: Uint8Array, index: number): void {
    copyOctets(targets, index * TARGET_ROOM, this.#hashed, 0, TARGET_ROOM)
    copyOctets(octets, at + IDENTIFIER, this.#hashed, TARGET_ROOM, TAG - IDENTIFIER)
    this.#hash.hash(this.#key, this.#hashed, this.#hashed.length)
  }
}

/** The number of the round that a message names. */
export function roundOf(octets: Uint8Array, at: number): number {
  return uint32(octets, at + ROUND)
}

/** The index that a message names; nothing is known of it yet. */
export function indexOf(octets: Uint8Array, at: number): number {
  return uint32(octets, at + INDEX)
}

/** RFC 1071. */
function checksum(octets: Uint8Array, at: number): number {
  let sum = 0
  for (let i = 0; i < ECHO_LENGTH; i += 2) sum += uint16(octets, at + i)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~(sum + (sum >>> 16)) & 0xffff
}
