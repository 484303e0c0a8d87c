/**
 * Blocks of 32-bit words in one SharedArrayBuffer: the memory under the live table. One writer allocates; readers in
 * any thread follow word offsets from the root.
 *
 *     word 0   nothing (offset 0 means "none")
 *     word 1   the root: offset of what readers start from, swapped by one Atomics.store
 *     word 2   generation of the published root; never 0
 *     word 16… a slot for each reader: the generation that it entered at, 0 while it reads nothing
 *     then     blocks
 *
 * A block that a published root may reach is never changed. The life of a block:
 *
 *                   allocate                   publish
 *      ┌─ free list ────────▶ new (this change) ───────▶ published ── release ──▶ retiring
 *      │  or the top             │                           ▲                       │
 *      │                         │ release, abandon          └────── abandon ────────┤
 *      ◀─────────────────────────┘                                                   │ publish
 *      ◀──────────────────────────────────── reclaim ──────────────────────────── retired
 *
 * A retired block is reclaimed when every reader has left since, or has entered after the version that retired it, and
 * no older version is held. A free list is a stack: each free block's first word is the offset of the next one.
 *
 * All blocks from `#privateFrom` up are new. A new block that came from a free list lies below it and has its bit in
 * `#isReused`: taken for a published one it would be copied each time it changes, and a zone that is put anew would take
 * several times its room.
 */
import { TableFull } from './table-fault.ts'

export const ROOT_WORD = 1
export const GENERATION_WORD = 2
export const READER_SLOTS = 16
/** A line of the cache each: readers do not take it from each other. */
export const SLOT_WORDS = 16
export const MAX_READERS = 128
const FIRST_BLOCK = READER_SLOTS + MAX_READERS * SLOT_WORDS
const FIRST_SIZE = 1 << 16
const LARGEST_STEP = 64 * 1024 * 1024
/** Address space, not memory: pages come when they are written. Octet offsets stay below 2^31. */
const DEFAULT_MAX_SIZE = 2 * 1024 * 1024 * 1024

/** Words for each octet of bits: one bit for each two words. */
const WORDS_AN_OCTET = 16

/** Blocks are multiples of two words. Up to this many units each size has a free list of its own. */
const EXACT_UNITS = 64
const SIZE_CLASSES = EXACT_UNITS + 4 * 26

interface RetiredBlocks {
  readonly generation: number
  /** Offset and length, in turn. */
  readonly blocks: readonly number[]
}

export class Arena {
  readonly buffer: SharedArrayBuffer
  words: Int32Array
  octets: Uint8Array
  #top = FIRST_BLOCK
  /** Blocks from here on were made since the last publication: no reader has seen them. */
  #privateFrom = FIRST_BLOCK
  #usedWords = 0
  /** Words of the blocks that this change has allocated and not given back. */
  #newWords = 0
  /** Blocks below `#privateFrom` that this change took from free lists: offset and length, in turn. */
  #reused: number[] = []
  /** A bit for the place of each of them. */
  #isReused: Uint8Array
  #retiring: number[] = []
  #retired: RetiredBlocks[] = []
  readonly #free = new Int32Array(SIZE_CLASSES)

  constructor(maxSize = DEFAULT_MAX_SIZE) {
    this.buffer = new SharedArrayBuffer(FIRST_SIZE, { maxByteLength: maxSize })
    this.words = new Int32Array(this.buffer, 0, FIRST_SIZE / 4)
    this.octets = new Uint8Array(this.buffer, 0, FIRST_SIZE)
    this.#isReused = new Uint8Array(this.words.length / WORDS_AN_OCTET)
  }

  /** Bytes in blocks that are in use or retired and not yet reclaimed. */
  get usedBytes(): number {
    return this.#usedWords * 4
  }

  /** Bytes up to the last block in use or free: what the buffer costs in memory. */
  get touchedBytes(): number {
    return this.#top * 4
  }

  /** Hands out a block of at least `words` words with undefined content. Throws TableFull, with nothing changed. */
  allocate(words: number): number {
    const units = roundedUnits(words)
    const block = this.#fromFreeList(units) ?? this.#fromTop(units)
    this.#usedWords += units * 2
    this.#newWords += units * 2
    return block
  }

  /** May the writer change this block in place? It may if this change has made it. */
  isPrivate(block: number): boolean {
    return block >= this.#privateFrom || ((this.#isReused[block >> 4] ?? 0) & bitOf(block)) !== 0
  }

  /** Gives a block back: at once when no reader can know it, else after the next publication and `reclaim`. */
  release(block: number, words: number): void {
    if (!this.isPrivate(block)) {
      this.#retiring.push(block, words)
      return
    }
    this.#newWords -= roundedUnits(words) * 2
    this.#toFreeList(block, words)
  }

  /** Makes `root` what every reader sees next, in one store. */
  publish(root: number): void {
    const generation = generationAfter(this.words[GENERATION_WORD] ?? 0)
    if (this.#retiring.length > 0) this.#retired.push({ generation, blocks: this.#retiring })
    this.#retiring = []
    this.#forgetReused()
    this.#newWords = 0
    this.#privateFrom = this.#top
    Atomics.store(this.words, ROOT_WORD, root)
    Atomics.store(this.words, GENERATION_WORD, generation)
  }

  /** Forgets a change: what is published stays as it is, and every block that the change took is free again. */
  abandon(): void {
    this.#retiring = []
    this.#dropPrivateFromFreeLists()
    this.#top = this.#privateFrom
    const reused = this.#reused
    for (let i = 0; i < reused.length; i += 2) this.#pushFree(reused[i] ?? 0, reused[i + 1] ?? 0)
    this.#forgetReused()
    this.#usedWords -= this.#newWords
    this.#newWords = 0
  }

  /**
   * Gives back what was retired and no reader can stand on any more; `oldestHeld` is the generation of the oldest
   * version that is held beside the readers' slots. Not while a change is being built.
   */
  reclaim(oldestHeld?: number): void {
    let oldest = this.#retired[0]
    while (oldest !== undefined && this.#isPassed(oldest.generation, oldestHeld)) {
      const { blocks } = oldest
      for (let i = 0; i < blocks.length; i += 2) this.#toFreeList(blocks[i] ?? 0, blocks[i + 1] ?? 0)
      this.#retired.shift()
      oldest = this.#retired[0]
    }
  }

  /** Has every reader that is at work entered when this generation, or a later one, was published? */
  #isPassed(generation: number, oldestHeld: number | undefined): boolean {
    if (oldestHeld !== undefined && generationsBetween(generation, oldestHeld) < 0) return false
    for (let i = 0; i < MAX_READERS; i++) {
      const entered = Atomics.load(this.words, READER_SLOTS + i * SLOT_WORDS)
      if (entered !== 0 && generationsBetween(generation, entered) < 0) return false
    }
    return true
  }

  #fromFreeList(units: number): number | undefined {
    const sizeClass = sizeClassOf(units)
    const block = this.#free[sizeClass] ?? 0
    if (block === 0) return undefined
    this.#free[sizeClass] = this.words[block] ?? 0
    if (!this.isPrivate(block)) this.#noteReused(block, sizeClass)
    return block
  }

  #noteReused(block: number, sizeClass: number): void {
    this.#reused.push(block, sizeClass)
    this.#isReused[block >> 4] = (this.#isReused[block >> 4] ?? 0) | bitOf(block)
  }

  #forgetReused(): void {
    const reused = this.#reused
    for (let i = 0; i < reused.length; i += 2) this.#isReused[(reused[i] ?? 0) >> 4] = 0 // they all go
    this.#reused = []
  }

  #fromTop(units: number): number {
    const block = this.#top
    const end = block + units * 2
    if (end > this.words.length) this.#grow(end * 4)
    this.#top = end
    return block
  }

  #toFreeList(block: number, words: number): void {
    const units = roundedUnits(words)
    this.#usedWords -= units * 2
    this.#pushFree(block, sizeClassOf(units))
  }

  #pushFree(block: number, sizeClass: number): void {
    this.words[block] = this.#free[sizeClass] ?? 0
    this.#free[sizeClass] = block
  }

  /** A change puts only private blocks on the free lists, and takes them first, so they are the first of each. */
  #dropPrivateFromFreeLists(): void {
    for (let sizeClass = 0; sizeClass < SIZE_CLASSES; sizeClass++) {
      let block = this.#free[sizeClass] ?? 0
      while (this.isPrivate(block)) block = this.words[block] ?? 0
      this.#free[sizeClass] = block
    }
  }

  /** The buffer grows in place: readers keep it and only make new views (see TableReader.refresh). */
  #grow(needed: number): void {
    const size = this.buffer.byteLength
    const wanted = Math.max(needed, size + Math.min(size, LARGEST_STEP))
    if (needed > this.buffer.maxByteLength) throw new TableFull(needed)
    try {
      this.buffer.grow(Math.min(wanted, this.buffer.maxByteLength))
    } catch {
      throw new TableFull(needed) // the system has no more memory for the process
    }
    this.words = new Int32Array(this.buffer, 0, this.buffer.byteLength / 4)
    this.octets = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
    const bits = new Uint8Array(Math.ceil(this.words.length / WORDS_AN_OCTET))
    bits.set(this.#isReused)
    this.#isReused = bits
  }
}

/** Of a block among those of its octet of bits: blocks begin at even words. */
function bitOf(block: number): number {
  return 1 << ((block >> 1) & 7)
}

/** Counts from the first generation to the second; below 0 if the second is older. Generations go round. */
export function generationsBetween(first: number, second: number): number {
  return (second - first) | 0
}

function generationAfter(generation: number): number {
  return (generation + 1) | 0 || 1 // a slot with 0 says that nobody reads
}

/** Length in units of two words: exact for small blocks, above them four sizes for each power of two. */
function roundedUnits(words: number): number {
  const units = (words + 1) >> 1
  if (units <= EXACT_UNITS) return units
  const shift = 29 - Math.clz32(units - 1)
  return (((units - 1) >> shift) + 1) << shift
}

function sizeClassOf(units: number): number {
  if (units <= EXACT_UNITS) return units
  const shift = 29 - Math.clz32(units - 1)
  return EXACT_UNITS + (shift - 4) * 4 + ((units - 1) >> shift) - 3
}
