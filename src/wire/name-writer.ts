/**
 * Writes names into a reply and compresses them (RFC 1035 4.1.4): a name ends in a pointer to the longest part of it
 * that the reply already holds. It remembers a bounded number of places, so the work on a reply is bounded too.
 */
import { copyOctets, octet, putUint16, uint16 } from './octets.ts'
import { sameOctets, wireNameLength } from './wire-name.ts'

const MAX_PLACES = 128
const MAX_POINTER = 0x3fff
const POINTER_LENGTH = 2

export class NameWriter {
  /** Offsets in the reply at which a name, or the rest of one, starts. */
  readonly #places = new Uint16Array(MAX_PLACES)
  /** Uncompressed length of the name at each place: names of different length need no closer look. */
  readonly #lengths = new Uint8Array(MAX_PLACES)
  #count = 0
  /** Does a pointer stand only for a name whose letters have the same case? */
  keepsCase: boolean

  constructor({ keepsCase = false }: { readonly keepsCase?: boolean } = {}) {
    this.keepsCase = keepsCase
  }

  clear(): void {
    this.#count = 0
  }

  /** How much is remembered; `rewind` forgets what came later. */
  get mark(): number {
    return this.#count
  }

  rewind(mark: number): void {
    this.#count = mark
  }

  /** Remembers the uncompressed name that the reply already holds at `at`. */
  remember(reply: Uint8Array, at: number): void {
    for (let left = wireNameLength(reply, at); left > 1; ) {
      const label = octet(reply, at) + 1
      this.#note(at, left)
      at += label
      left -= label
    }
  }

  /** Writes the uncompressed name at `from` in `source`. Returns the offset behind it, 0 if `limit` is too near. */
  write(reply: Uint8Array, at: number, limit: number, source: Uint8Array, from: number): number {
    let left = wireNameLength(source, from)
    while (left > 1) {
      const place = this.#find(reply, source, from, left)
      if (place !== 0) {
        if (at + POINTER_LENGTH > limit) return 0
        putUint16(reply, at, 0xc000 | place)
        return at + POINTER_LENGTH
      }
      const label = octet(source, from) + 1
      if (at + label >= limit) return 0
      copyOctets(source, from, reply, at, label)
      this.#note(at, left)
      at += label
      from += label
      left -= label
    }
    if (at >= limit) return 0
    reply[at] = 0
    return at + 1
  }

  #note(at: number, length: number): void {
    if (this.#count === MAX_PLACES || at > MAX_POINTER) return
    this.#places[this.#count] = at
    this.#lengths[this.#count] = length
    this.#count++
  }

  #find(reply: Uint8Array, source: Uint8Array, from: number, length: number): number {
    for (let i = 0; i < this.#count; i++) {
      const place = this.#places[i] ?? 0
      if (octet(this.#lengths, i) !== length || !holdsName(reply, place, source, from)) continue
      if (!this.keepsCase || holdsOctets(reply, place, source, from)) return place
    }
    return 0
  }
}

/** Is the name at `at`, which this writer may have compressed, the one at `from`? */
function holdsName(reply: Uint8Array, at: number, source: Uint8Array, from: number): boolean {
  for (;;) {
    while (octet(reply, at) >= 0xc0) at = uint16(reply, at) & MAX_POINTER
    const label = octet(reply, at)
    if (label !== octet(source, from)) return false
    if (label === 0) return true
    if (!sameOctets(reply, at + 1, source, from + 1, label)) return false
    at += label + 1
    from += label + 1
  }
}

/** Is that so octet for octet, the case of letters included? */
function holdsOctets(reply: Uint8Array, at: number, source: Uint8Array, from: number): boolean {
  for (;;) {
    while (octet(reply, at) >= 0xc0) at = uint16(reply, at) & MAX_POINTER
    const label = octet(reply, at)
    for (let i = 0; i <= label; i++) if (octet(reply, at + i) !== octet(source, from + i)) return false
    if (label === 0) return true
    at += label + 1
    from += label + 1
  }
}
