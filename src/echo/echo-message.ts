/**
 * Echo requests that only their own targets can answer:
 *
 *     0 type 1 | 1 code 1 | 2 checksum 2 | 4 identifier 2 | 6 sequence 2 | 8 round 4 | 12 index 4 | 16 tag 8
 *
 * A reply repeats all from the identifier on (RFC 4443 4.2, RFC 792). The tag is a random number of the one request, so
 * that nobody can answer for a target, or for another round, without having had its request.
 */
import { randomFillSync } from 'node:crypto'
import { copyOctets, octet, putUint16, putUint32, uint16, uint32 } from '../wire/octets.ts'

export const ECHO_LENGTH = 24
const IDENTIFIER = 4
const SEQUENCE = 6
const ROUND = 8
const INDEX = 12
const TAG = 16
const TAG_LENGTH = 8
/** RFC 4443 and RFC 792. */
export const ICMPV6 = { unreachable: 1, echoRequest: 128, echoReply: 129 } as const
export const ICMPV4 = { echoReply: 0, echoRequest: 8 } as const
/** An IPv4 address fills the first four octets of its room. */
export const TARGET_ROOM = 16

/** Writes and recognises the messages of one round. Allocates nothing for a message. */
export class EchoMessages {
  readonly #round: number
  readonly #identifier: number
  /** All made at once: a keyed hash for each request and each reply was a quarter of a round's time of our own. */
  readonly #tags: Uint8Array

  constructor({
    round,
    identifier,
    targets,
  }: {
    readonly round: number
    readonly identifier: number
    /** How many there are. */
    readonly targets: number
  }) {
    this.#round = round
    this.#identifier = identifier
    this.#tags = randomFillSync(new Uint8Array(targets * TAG_LENGTH))
  }

  /** Writes the request to the target with an index. */
  write(octets: Uint8Array, at: number, family: 4 | 6, index: number): void {
    octets[at] = family === 4 ? ICMPV4.echoRequest : ICMPV6.echoRequest
    octets[at + 1] = 0
    putUint16(octets, at + 2, 0) // the kernel puts ICMPv6's checksum in (RFC 3542 3.1)
    putUint16(octets, at + IDENTIFIER, this.#identifier)
    putUint16(octets, at + SEQUENCE, index & 0xffff)
    putUint32(octets, at + ROUND, this.#round)
    putUint32(octets, at + INDEX, index)
    copyOctets(this.#tags, index * TAG_LENGTH, octets, at + TAG, TAG_LENGTH)
    if (family === 4) putUint16(octets, at + 2, checksum(octets, at))
  }

  /** Is this, from the identifier on, what was written for the target with the index that it names? */
  isOurs(octets: Uint8Array, at: number): boolean {
    const index = indexOf(octets, at)
    if (uint16(octets, at + IDENTIFIER) !== this.#identifier) return false
    if (uint16(octets, at + SEQUENCE) !== (index & 0xffff) || roundOf(octets, at) !== this.#round)
      return false
    let difference = 0
    for (let i = 0; i < TAG_LENGTH; i++)
      difference |= octet(octets, at + TAG + i) ^ octet(this.#tags, index * TAG_LENGTH + i)
    return difference === 0
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
