/**
 * Changes tries in the arena, copy on write: a cell that readers may stand on is never touched, the path to it is
 * copied instead. The layout of nodes is drawn in table-reader.ts. The caller owns the cell of the trie that it
 * changes, and publishes it when the whole change is made.
 */
import { sameOctets } from '../wire/wire-name.ts'
import type { Arena } from './arena.ts'
import { firstDifference, NameKey } from './name-key.ts'
import { nameAt, nameLength, recordWords } from './owner-record.ts'
import { popcount } from './table-reader.ts'

export class NameTable {
  readonly #arena: Arena
  /** The owner that is looked for or changed. */
  readonly #key: NameKey
  readonly #other = new NameKey()
  /** The leaf that shares most with the key that was looked for last; 0 where the trie is empty. */
  #sought = 0

  /** `key` is shared with the caller: who has set it to an owner need not do so twice. */
  constructor(arena: Arena, key: NameKey) {
    this.#arena = arena
    this.#key = key
  }

  /** Record of exactly this owner in the trie of `cell`, 0 where there is none. */
  get(cell: number, owner: Uint8Array): number {
    this.#key.set(owner, 0)
    return this.getKeyed(cell, owner)
  }

  /** The same where the key is that of the owner already. */
  getKeyed(cell: number, owner: Uint8Array): number {
    const record = this.#nearest(cell)
    this.#sought = record
    const { words, octets } = this.#arena
    const isThere =
      record !== 0 &&
      nameLength(words, record) === owner.length &&
      sameOctets(octets, nameAt(record), owner, 0, owner.length)
    return isThere ? record : 0
  }

  /** Puts a record under the name it carries; what was there is released. */
  put(cell: number, record: number): void {
    this.#key.set(this.#arena.octets, nameAt(record))
    this.#sought = this.#nearest(cell)
    this.putSought(cell, record)
  }

  /** The same straight after a `get` of that name in that trie, without looking for its place again. */
  putSought(cell: number, record: number): void {
    const nearest = this.#sought
    if (nearest === 0) {
      this.#arena.words[cell + 1] = record
      return
    }
    const difference = this.#differsAt(nearest)
    if (difference !== undefined) {
      this.#insert(cell, record, difference)
      return
    }
    const leaf = this.#openPath(cell, Number.POSITIVE_INFINITY)
    this.#arena.words[leaf + 1] = record
    this.#arena.release(nearest, recordWords(this.#arena.words, nearest))
  }

  /** Takes the owner out of the trie and releases its record. Says whether it was there. */
  remove(cell: number, owner: Uint8Array): boolean {
    const record = this.get(cell, owner)
    if (record === 0) return false
    this.removeSought(cell, record)
    return true
  }

  /** The same straight after a `get` that found this record. */
  removeSought(cell: number, record: number): void {
    this.#arena.release(record, recordWords(this.#arena.words, record))
    if (this.#head(cell) === 0) {
      this.#arena.words[cell + 1] = 0
      return
    }
    let parent = cell
    while (this.#head(this.#child(parent)) !== 0) parent = this.#open(parent)
    this.#dropTwig(parent)
  }

  /** Releases all nodes and records of a trie that no version uses any more. */
  releaseAll(cell: number): void {
    const words = this.#arena.words
    const head = words[cell] ?? 0
    const below = words[cell + 1] ?? 0
    if (head === 0) {
      if (below !== 0) this.#arena.release(below, recordWords(words, below))
      return
    }
    const twigs = popcount(head & 0xffff)
    for (let i = 0; i < twigs; i++) this.releaseAll(below + 2 * i)
    this.#arena.release(below, 2 * twigs)
  }

  /** The leaf that shares most with the key; see TableReader. */
  #nearest(cell: number): number {
    while (this.#head(cell) !== 0) cell = this.#hasTwig(cell) ? this.#child(cell) : this.#twigs(cell)
    return this.#twigs(cell)
  }

  #differsAt(record: number): number | undefined {
    this.#other.set(this.#arena.octets, nameAt(record))
    return firstDifference(this.#key, this.#other)
  }

  #insert(cell: number, record: number, index: number): void {
    const place = this.#openPath(cell, index)
    const head = this.#head(place)
    if (head !== 0 && head >>> 16 === index) this.#addTwig(place, record)
    else this.#split(place, record, index)
  }

  /** A branch in place of the node, with the node and the new leaf as its twigs. */
  #split(place: number, record: number, index: number): void {
    const twigs = this.#arena.allocate(4)
    const words = this.#arena.words
    const mine = this.#key.nibble(index)
    const theirs = this.#other.nibble(index)
    const leaf = mine < theirs ? twigs : twigs + 2
    const old = mine < theirs ? twigs + 2 : twigs
    words[leaf] = 0
    words[leaf + 1] = record
    words[old] = words[place] ?? 0
    words[old + 1] = words[place + 1] ?? 0
    words[place] = (1 << mine) | (1 << theirs) | (index << 16)
    words[place + 1] = twigs
  }

  #addTwig(place: number, record: number): void {
    const head = this.#head(place)
    const bit = 1 << this.#key.nibble(head >>> 16)
    const before = 2 * popcount(head & (bit - 1))
    const length = 2 * popcount(head & 0xffff)
    const old = this.#twigs(place)
    const twigs = this.#arena.allocate(length + 2)
    const words = this.#arena.words
    words.copyWithin(twigs, old, old + before)
    words[twigs + before] = 0
    words[twigs + before + 1] = record
    words.copyWithin(twigs + before + 2, old + before, old + length)
    words[place] = head | bit
    words[place + 1] = twigs
    this.#arena.release(old, length)
  }

  /** Takes the key's twig out of a branch; a branch that keeps one twig only becomes that twig. */
  #dropTwig(place: number): void {
    const head = this.#head(place)
    const bit = 1 << this.#key.nibble(head >>> 16)
    const before = 2 * popcount(head & (bit - 1))
    const length = 2 * popcount(head & 0xffff)
    const old = this.#twigs(place)
    if (length === 4) {
      this.#copyCell(old + 2 - before, place)
      this.#arena.release(old, length)
      return
    }
    const twigs = this.#arena.allocate(length - 2)
    const words = this.#arena.words
    words.copyWithin(twigs, old, old + before)
    words.copyWithin(twigs + before, old + before + 2, old + length)
    words[place] = head & ~bit
    words[place + 1] = twigs
    this.#arena.release(old, length)
  }

  /** Makes the path along the key writable, down to the first node that looks at nibble `index` or a later one. */
  #openPath(cell: number, index: number): number {
    while (this.#head(cell) !== 0 && this.#head(cell) >>> 16 < index) cell = this.#open(cell)
    return cell
  }

  /** The writable cell of the key's twig below a writable cell. */
  #open(cell: number): number {
    const twigs = this.#twigs(cell)
    if (!this.#arena.isPrivate(twigs)) {
      const length = 2 * popcount(this.#head(cell) & 0xffff)
      const copy = this.#arena.allocate(length)
      this.#arena.words.copyWithin(copy, twigs, twigs + length)
      this.#arena.words[cell + 1] = copy
      this.#arena.release(twigs, length)
    }
    return this.#child(cell)
  }

  #child(cell: number): number {
    const head = this.#head(cell)
    const bit = 1 << this.#key.nibble(head >>> 16)
    return this.#twigs(cell) + 2 * popcount(head & (bit - 1))
  }

  #hasTwig(cell: number): boolean {
    const head = this.#head(cell)
    return (head & (1 << this.#key.nibble(head >>> 16))) !== 0
  }

  #head(cell: number): number {
    return this.#arena.words[cell] ?? 0
  }

  #twigs(cell: number): number {
    return this.#arena.words[cell + 1] ?? 0
  }

  #copyCell(from: number, to: number): void {
    this.#arena.words[to] = this.#head(from)
    this.#arena.words[to + 1] = this.#twigs(from)
  }
}
