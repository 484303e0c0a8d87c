/**
 * The data of a COOKIE option (RFC 7873 4), its server part as RFC 9018 4 makes it:
 *
 *     0 client cookie 8 | 8 version 1 | 9 reserved 3 | 12 timestamp 4 | 16 hash 8
 *
 * The hash is SipHash-2-4 over the 16 octets before it and the client's address: a client that sends it back has heard
 * from us at that address.
 */
import { copyOctets, octet, putUint32, uint32 } from './octets.ts'
import { SIPHASH_LENGTH, SipHash } from './siphash.ts'

export const CLIENT_COOKIE_LENGTH = 8
const MIN_SERVER_COOKIE_LENGTH = 8
const MAX_SERVER_COOKIE_LENGTH = 32
/** A client cookie and a server cookie of ours. */
export const COOKIE_LENGTH = 24
/** RFC 9018 4.4: the secret is a key of SipHash-2-4. */
export const SECRET_LENGTH = 16

const VERSION = 1
const RESERVED_LENGTH = 3
const VERSION_AT = CLIENT_COOKIE_LENGTH
const TIMESTAMP_AT = 12
const HASH_AT = 16
const LONGEST_ADDRESS = 16

/** The source address of a query: 4 or 16 octets. */
export interface CookieAddress {
  readonly octets: Uint8Array
  readonly length: number
}

/** RFC 7873 5.2.2: a client cookie alone, or with a server cookie of 8 to 32 octets. */
export function isCookieLength(length: number): boolean {
  const server = length - CLIENT_COOKIE_LENGTH
  return server === 0 || (server >= MIN_SERVER_COOKIE_LENGTH && server <= MAX_SERVER_COOKIE_LENGTH)
}

/** RFC 9018 4.1: version 1 has 16 octets; any other server cookie is none of ours. */
export function isOurKind(octets: Uint8Array, at: number, length: number): boolean {
  return length === COOKIE_LENGTH && octet(octets, at + VERSION_AT) === VERSION
}

/** Seconds since the cookie was made, by serial number arithmetic (RFC 9018 4.3); negative: it is from the future. */
export function cookieAge(octets: Uint8Array, at: number, seconds: number): number {
  return (seconds - uint32(octets, at + TIMESTAMP_AT)) | 0
}

/** Makes the hash of cookies. One instance serves any number: nothing is allocated for a cookie. */
export class CookieHash {
  readonly #input = new Uint8Array(HASH_AT + LONGEST_ADDRESS)
  readonly #hash = new SipHash()

  /** Is the cookie's hash the one that the secret makes? RFC 9018 4.2: the reserved octets count as they came. */
  isMadeWith(secret: Uint8Array, octets: Uint8Array, at: number, address: CookieAddress): boolean {
    this.#make(secret, octets, at, address)
    // Every octet is looked at: how long it takes says nothing about how much of a guess is right.
    let difference = 0
    for (let i = 0; i < SIPHASH_LENGTH; i++)
      difference |= octet(octets, at + HASH_AT + i) ^ this.#hash.octet(i)
    return difference === 0
  }

  /** Completes the cookie in `cookie`, which begins with the client's part, for somebody who asks now. */
  complete(cookie: Uint8Array, secret: Uint8Array, address: CookieAddress, seconds: number): void {
    cookie[VERSION_AT] = VERSION
    cookie.fill(0, VERSION_AT + 1, VERSION_AT + 1 + RESERVED_LENGTH)
    putUint32(cookie, TIMESTAMP_AT, seconds)
    this.#make(secret, cookie, 0, address)
    for (let i = 0; i < SIPHASH_LENGTH; i++) cookie[HASH_AT + i] = this.#hash.octet(i)
  }

  #make(secret: Uint8Array, octets: Uint8Array, at: number, address: CookieAddress): void {
    copyOctets(octets, at, this.#input, 0, HASH_AT)
    copyOctets(address.octets, 0, this.#input, HASH_AT, address.length)
    this.#hash.hash(secret, this.#input, HASH_AT + address.length)
  }
}
