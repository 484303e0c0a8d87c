import { canonicalRdata } from '../text/rdata.ts'
import { sameOctets } from '../wire/wire-name.ts'
import type { Rrset } from '../zone/rrset.ts'
import { hashOfName } from './name-set.ts'

interface GrowingRrset extends Rrset {
  readonly rdatas: Uint8Array[]
}

const FIRST_SLOTS = 1024
const NO_RRSET = -1
const TYPE_FACTOR = 0x9e37_79b1 // spreads neighbouring types over the table

/**
 * Groups records into rrsets by owner, letter case aside (RFC 4343), and type. A hash table with open addressing over
 * the numbers of the rrsets: a key string for each of a million owners would cost more than the zone itself.
 */
export class RrsetCollector {
  readonly rrsets: GrowingRrset[] = []
  #slots = new Int32Array(FIRST_SLOTS).fill(NO_RRSET)
  readonly #hashes: number[] = []
  /** Canonical rdata of the rrsets that have several records, by number. */
  readonly #seen = new Map<number, Set<string>>()

  /**
   * Adds a record, whose octets are kept. A record that is there already is dropped (RFC 2181 5). Returns the TTL of
   * the rrset, which is that of its first record, and whether the rrset is new.
   */
  add(
    owner: Uint8Array,
    type: number,
    record: { ttl: number; rdata: Uint8Array },
  ): { ttl: number; isNew: boolean } {
    const hash = hashOfName(owner, 0, owner.length) ^ Math.imul(type, TYPE_FACTOR)
    const slot = this.#slotOf(owner, type, hash)
    const index = this.#slots[slot] ?? NO_RRSET
    const rrset = this.rrsets[index]
    if (rrset === undefined) {
      this.#insert(slot, hash, { owner, type, ttl: record.ttl, rdatas: [record.rdata] })
      return { ttl: record.ttl, isNew: true }
    }
    this.#addRdata(rrset, index, record.rdata)
    return { ttl: rrset.ttl, isNew: false }
  }

  #addRdata(rrset: GrowingRrset, index: number, rdata: Uint8Array): void {
    let seen = this.#seen.get(index)
    if (seen === undefined) {
      seen = new Set(rrset.rdatas.map(other => rdataKey(rrset.type, other)))
      this.#seen.set(index, seen)
    }
    const key = rdataKey(rrset.type, rdata)
    if (seen.has(key)) return
    seen.add(key)
    rrset.rdatas.push(rdata)
  }

  /** The slot that holds the rrset, or the free one where it belongs. */
  #slotOf(owner: Uint8Array, type: number, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot] ?? NO_RRSET
      if (index === NO_RRSET) return slot
      const rrset = this.rrsets[index]
      if (this.#hashes[index] === hash && rrset?.type === type && isSameOwner(rrset.owner, owner)) return slot
    }
  }

  #insert(slot: number, hash: number, rrset: GrowingRrset): void {
    this.#slots[slot] = this.rrsets.length
    this.rrsets.push(rrset)
    this.#hashes.push(hash)
    if (this.rrsets.length * 2 > this.#slots.length) this.#grow()
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(NO_RRSET)
    const mask = slots.length - 1
    for (const [index, hash] of this.#hashes.entries()) {
      let slot = hash & mask
      while (slots[slot] !== NO_RRSET) slot = (slot + 1) & mask
      slots[slot] = index
    }
    this.#slots = slots
  }
}

function isSameOwner(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sameOctets(a, 0, b, 0, a.length)
}

function rdataKey(type: number, rdata: Uint8Array): string {
  return Buffer.from(canonicalRdata(type, rdata)).toString('latin1')
}
