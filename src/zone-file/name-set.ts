import { lowerCase, octet } from '../wire/octets.ts'
import { isSameName, wireNameLength } from '../wire/wire-name.ts'

const FIRST_SLOTS = 16
const NO_NAME = -1
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x0100_0193

/** A hash of the `length` octets of a name, letter case aside (RFC 4343): FNV-1a, its high bits folded into the low. */
export function hashOfName(octets: Uint8Array, at: number, length: number): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ lowerCase(octet(octets, at + i)), FNV_PRIME)
  return hash ^ (hash >>> 15)
}

/** Names, letter case aside, where they lie: a key string for each of a million owners would be garbage for nothing. */
export class NameSet {
  readonly #names: Uint8Array[] = []
  #slots = new Int32Array(FIRST_SLOTS).fill(NO_NAME)

  get size(): number {
    return this.#names.length
  }

  add(name: Uint8Array): void {
    const slot = this.#slotOf(name, 0)
    if (this.#slots[slot] !== NO_NAME) return
    this.#slots[slot] = this.#names.length
    this.#names.push(name)
    if (this.#names.length * 2 > this.#slots.length) this.#grow()
  }

  /** Whether the uncompressed name that starts at `at` is one of them. */
  has(octets: Uint8Array, at = 0): boolean {
    return this.size > 0 && this.#slots[this.#slotOf(octets, at)] !== NO_NAME
  }

  /** The slot that holds the name, or the free one where it belongs. */
  #slotOf(octets: Uint8Array, at: number): number {
    const mask = this.#slots.length - 1
    let slot = hashOfName(octets, at, wireNameLength(octets, at)) & mask
    for (; ; slot = (slot + 1) & mask) {
      const name = this.#names[this.#slots[slot] ?? NO_NAME]
      if (name === undefined || isSameName(name, 0, octets, at)) return slot
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NO_NAME)
    for (const [index, name] of this.#names.entries()) this.#slots[this.#slotOf(name, 0)] = index
  }
}
