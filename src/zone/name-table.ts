/**
 * Changes tries in the arena, copy on write: a cell that readers may stand on is never touched, the path to it is
 * copied instead. The layout of nodes is drawn in table-reader.ts. The caller owns the cell of the trie that it
 * changes, and publishes it when the whole change is made.
 *
 *     old cell ──▶ twigs [ ][ ][•]            new cell ──▶ copy [ ][ ][•]
 *                               │                          │  │     │
 *                               ▼             the same as ◀┘  ▼     ▼
 *                        twigs [•][ ]         in the old one   copy [•][ ]
 *                               │                                   │
 *                             entry                              new entry
 *
 * What the copies replace is released; the arena retires it when the new cell is published.
 */
import { sameOctets } from '../wire/wire-name.ts'
import type { Arena } from './arena.ts'
import { firstDifference, NameKey } from './name-key.ts'
import { entryWords, nameAt, nameLength } from './owner-entry.ts'
import { popcount } from './table-reader.ts'

export class NameTable {
  readonly #arena: Arena
  /** The owner that is looked for or changed. */
  readonly #key: NameKey
  readonly #other = new NameKey()
  /** The leaf that shares most with the key that was looked for last; 0: the trie is empty. */
  #sought = 0

  /** `key` is shared with the caller: who has set it to an owner need not do so twice. */
  constructor(arena: Arena, key: NameKey) {
    this.#arena = arena
    this.#key = key
  }

  /** Finds the entry of exactly this owner in the trie of `cell`; 0: there is none. */
  get(cell: number, owner: Uint8Array): number {
    this.#key.set(owner, 0)
    return this.getKeyed(cell, owner)
  }

  /** The same if the key is that of the owner already. */
  getKeyed(cell: number, owner: Uint8Array): number {
    const entry = this.#nearest(cell)
    this.#sought = entry
    const { words, octets } = this.#arena
    const isThere =
      entry !== 0 &&
      nameLength(words, entry) === owner.length &&
      sameOctets(octets, nameAt(entry), owner, 0, owner.length)
    return isThere ? entry : 0
  }

  /** Puts an entry under the name it carries; what was there is released. */
  put(cell: number, entry: number): void {
    this.#key.set(this.#arena.octets, nameAt(entry))
    this.#sought = this.#nearest(cell)
    this.putSought(cell, entry)
  }

  /** The same straight after a `get` of that name in that trie, without looking for its place again. */
  putSought(cell: number, entry: number): void {
    const nearest = this.#sought
    if (nearest === 0) {
      this.#arena.words[cell + 1] = entry
      return
    }
    const difference = this.#differsAt(nearest)
    if (difference !== undefined) {
      this.#insert(cell, entry, difference)
      return
    }
    const leaf = this.#openPath(cell, Number.POSITIVE_INFINITY)
    this.#arena.words[leaf + 1] = entry
    this.#arena.release(nearest, entryWords(this.#arena.words, nearest))
  }

  /** Takes the owner out of the trie and releases its entry. Says whether it was there. */
  remove(cell: number, owner: Uint8Array): boolean {
    const entry = this.get(cell, owner)
    if (entry === 0) return false
    this.removeSought(cell, entry)
    return true
  }

  /** The same straight after a `get` that found this entry. */
  removeSought(cell: number, entry: number): void {
    this.#arena.release(entry, entryWords(this.#arena.words, entry))
    if (this.#head(cell) === 0) {
      this.#arena.words[cell + 1] = 0
      return
    }
    let parent = cell
    while (this.#head(this.#child(parent)) !== 0) parent = this.#open(parent)
    this.#dropTwig(parent)
  }

  /** Releases all nodes and entries of a trie that no version uses any more. */
  releaseAll(cell: number): void {
    const words = this.#arena.words
    const head = words[cell] ?? 0
    const below = words[cell + 1] ?? 0
    if (head === 0) {
      if (below !== 0) this.#arena.release(below, entryWords(words, below))
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

  #differsAt(entry: number): number | undefined {
    this.#other.set(this.#arena.octets, nameAt(entry))
    return firstDifference(this.#key, this.#other)
  }

  #insert(cell: number, entry: number, index: number): void {
    const place = this.#openPath(cell, index)
    const head = this.#head(place)
    if (head !== 0 && head >>> 16 === index) this.#addTwig(place, entry)
    else this.#split(place, entry, index)
  }

  /** A branch in place of the node, with the node and the new leaf as its twigs. */
  #split(place: number, entry: number, index: number): void {
    const twigs = this.#arena.allocate(4)
    const words = this.#arena.words
    const mine = this.#key.nibble(index)
    const theirs = this.#other.nibble(index)
    const leaf = mine < theirs ? twigs : twigs + 2
    const old = mine < theirs ? twigs + 2 : twigs
    words[leaf] = 0
    words[leaf + 1] = entry
    words[old] = words[place] ?? 0
    words[old + 1] = words[place + 1] ?? 0
    words[place] = (1 << mine) | (1 << theirs) | (index << 16)
    words[place + 1] = twigs
  }

  #addTwig(place: number, entry: number): void {
    const head = this.#head(place)
    const bit = 1 << this.#key.nibble(head >>> 16)
    const before = 2 * popcount(head & (bit - 1))
    const length = 2 * popcount(head & 0xffff)
    const old = this.#twigs(place)
    const twigs = this.#arena.allocate(length + 2)
    const words = this.#arena.words
    words.copyWithin(twigs, old, old + before)
    words[twigs + before] = 0
    words[twigs + before + 1] = entry
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
