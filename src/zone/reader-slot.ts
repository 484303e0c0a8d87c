import { GENERATION_WORD, MAX_READERS, READER_SLOTS, SLOT_WORDS } from './arena.ts'

/** Threads that may read for good: each has two slots, so that another one may take its place without a gap. */
export const SEATS = MAX_READERS / 2
const ABSENT = 0

/**
 * Where a thread that reads the table says since when it has been reading, so that the writer leaves alone what it may
 * stand on. It says so before it looks at the root: either the writer sees that, or the reader sees the new root.
 */
export class ReaderSlot {
  readonly #words: Int32Array
  readonly #at: number

  /** `index` is below twice SEATS, and no other thread's. */
  constructor(buffer: SharedArrayBuffer, index: number) {
    this.#words = new Int32Array(buffer, 0, READER_SLOTS + (index + 1) * SLOT_WORDS)
    this.#at = READER_SLOTS + index * SLOT_WORDS
  }

  /** What is read from now on stays as it is until `leave`. Readers then `refresh`. */
  enter(): void {
    Atomics.store(this.#words, this.#at, Atomics.load(this.#words, GENERATION_WORD))
  }

  /** Nothing of the table is held any more. For a thread that has died, whoever notices says it. */
  leave(): void {
    Atomics.store(this.#words, this.#at, ABSENT)
  }
}
