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
 * A block that a published root may reach is never changed. What a commit replaces is retired, and goes back to the
 * free lists when every reader has left since, or has entered after it.
 */

export const ROOT_WORD = 1
export const GENERATION_WORD = 2
export const READER_SLOTS = 16
/** A line of the cache each: readers do not take it from each other. */
export const SLOT_WORDS = 16
const MAX_READERS = 64
const FIRST_BLOCK = READER_SLOTS + MAX_READERS * SLOT_WORDS
const FIRST_SIZE = 1 << 16
const LARGEST_STEP = 64 * 1024 * 1024
/** Address space, not memory: pages come when they are written. Octet offsets stay below 2^31. */
const DEFAULT_MAX_SIZE = 2 * 1024 * 1024 * 1024

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
  #retiring: number[] = []
  #retired: RetiredBlocks[] = []
  readonly #free = new Int32Array(SIZE_CLASSES)

  constructor(maxSize = DEFAULT_MAX_SIZE) {
    this.buffer = new SharedArrayBuffer(FIRST_SIZE, { maxByteLength: maxSize })
    this.words = new Int32Array(this.buffer, 0, FIRST_SIZE / 4)
    this.octets = new Uint8Array(this.buffer, 0, FIRST_SIZE)
  }

  /** Bytes in blocks that are in use or retired and not yet reclaimed. */
  get usedBytes(): number {
    return this.#usedWords * 4
  }

  /** Bytes ever handed out: what the buffer costs in memory. */
  get touchedBytes(): number {
    return this.#top * 4
  }

  /** A block of at least `words` words with undefined content; RangeError when the buffer is full. */
  allocate(words: number): number {
    const units = roundedUnits(words)
    const sizeClass = sizeClassOf(units)
    this.#usedWords += units * 2
    const reused = this.#free[sizeClass] ?? 0
    if (reused !== 0) {
      this.#free[sizeClass] = this.words[reused] ?? 0
      return reused
    }
    const block = this.#top
    const end = block + units * 2
    if (end > this.words.length) this.#grow(end * 4)
    this.#top = end
    return block
  }

  /** May the writer change this block in place? Says no for some that it might: they are copied once more. */
  isPrivate(block: number): boolean {
    return block >= this.#privateFrom
  }

  /** Gives a block back: at once when no reader can know it, else after the next publication and `reclaim`. */
  release(block: number, words: number): void {
    if (this.isPrivate(block)) this.#toFreeList(block, words)
    else this.#retiring.push(block, words)
  }

  /** Makes `root` what every reader sees next, in one store. */
  publish(root: number): void {
    const generation = generationAfter(this.words[GENERATION_WORD] ?? 0)
    if (this.#retiring.length > 0) this.#retired.push({ generation, blocks: this.#retiring })
    this.#retiring = []
    this.#privateFrom = this.#top
    Atomics.store(this.words, ROOT_WORD, root)
    Atomics.store(this.words, GENERATION_WORD, generation)
  }

  /** Leaves what is published as it is after a change that broke off. Its new blocks are lost, not its old ones. */
  abandon(): void {
    this.#retiring = []
    this.#privateFrom = this.#top
  }

  /** Gives back what was retired and no reader can stand on any more. */
  reclaim(): void {
    let oldest = this.#retired[0]
    while (oldest !== undefined && this.#isPassed(oldest.generation)) {
      const { blocks } = oldest
      for (let i = 0; i < blocks.length; i += 2) this.#toFreeList(blocks[i] ?? 0, blocks[i + 1] ?? 0)
      this.#retired.shift()
      oldest = this.#retired[0]
    }
  }

  /** Has every reader that is at work entered when this generation, or a later one, was published? */
  #isPassed(generation: number): boolean {
    for (let i = 0; i < MAX_READERS; i++) {
      const entered = Atomics.load(this.words, READER_SLOTS + i * SLOT_WORDS)
      if (entered !== 0 && ((entered - generation) | 0) < 0) return false // generations go round
    }
    return true
  }

  #toFreeList(block: number, words: number): void {
    const units = roundedUnits(words)
    const sizeClass = sizeClassOf(units)
    this.#usedWords -= units * 2
    this.words[block] = this.#free[sizeClass] ?? 0
    this.#free[sizeClass] = block
  }

  /** The buffer grows in place: readers keep it and only make new views (see TableReader.refresh). */
  #grow(needed: number): void {
    const size = this.buffer.byteLength
    const wanted = Math.max(needed, size + Math.min(size, LARGEST_STEP))
    this.buffer.grow(Math.min(wanted, Math.max(needed, this.buffer.maxByteLength)))
    this.words = new Int32Array(this.buffer, 0, this.buffer.byteLength / 4)
    this.octets = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
  }
}

function generationAfter(generation: number): number {
  return (generation + 1) | 0 || 1 // 0 is how a slot says that nobody reads
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
