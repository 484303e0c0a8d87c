import { FreeIndex } from './free-index.ts'

/** An index that was freed and may be given out again from `freeFrom` (seconds of the steady clock) on. */
export interface Resting {
  readonly index: number
  readonly freeFrom: number
}

/** The indexes below a capacity: which are given out, which rest after use, which is the lowest free one. All O(log n). */
export class IndexPool {
  readonly capacity: number
  readonly #free: FreeIndex
  /** In the order in which they become free. */
  readonly #resting: Resting[] = []
  #restingHead = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.#free = new FreeIndex(capacity)
  }

  /** The lowest index that is neither given out nor resting at `now` (seconds of the steady clock); undefined: the pool is full. */
  take(now: number): number | undefined {
    this.#wake(now)
    const index = this.#free.lowest()
    if (index !== undefined) this.#free.occupy(index)
    return index
  }

  /** Marks an index as given out, as at start for each row; false if it was so already or is not of this pool. */
  occupy(index: number): boolean {
    return index < this.capacity && this.#free.occupy(index)
  }

  /** Puts an index that was given out to rest. */
  rest(resting: Resting): void {
    if (resting.index >= this.capacity) return
    this.#free.occupy(resting.index)
    const queue = this.#resting
    let at = queue.length
    // Behind all others, but for those that were freed under a longer TTL.
    while (at > this.#restingHead && (queue[at - 1]?.freeFrom ?? 0) > resting.freeFrom) at--
    queue.splice(at, 0, resting)
  }

  /** Puts to rest what is given out although none of `held` is it; returns how many indexes that are. */
  restAllBut(held: Iterable<number>, freeFrom: number): number {
    const isKept = new Uint8Array(this.capacity)
    for (const index of held) isKept[index] = 1
    for (const { index } of this.#resting.slice(this.#restingHead)) isKept[index] = 1
    let count = 0
    for (let index = 0; index < this.capacity; index++) {
      if (isKept[index] === 1 || this.#free.isFree(index)) continue
      this.rest({ index, freeFrom })
      count++
    }
    return count
  }

  /** Takes back a `take` whose transaction did not commit. */
  untake(index: number): void {
    this.#free.release(index)
  }

  #wake(now: number): void {
    for (;;) {
      const next = this.#resting[this.#restingHead]
      if (next === undefined || next.freeFrom > now) break
      this.#free.release(next.index)
      this.#restingHead++
    }
    if (this.#restingHead > 1000 && this.#restingHead * 2 > this.#resting.length) {
      this.#resting.splice(0, this.#restingHead)
      this.#restingHead = 0
    }
  }
}
