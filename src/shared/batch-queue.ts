/** Items in one batch: what waits beyond them goes into the next. */
const BATCH = 128

interface Waiting<Item, Outcome> {
  readonly item: Item
  readonly mayWait: boolean
  readonly done: (outcome: Outcome) => void
  readonly failed: (error: unknown) => void
}

/**
 * Work of the same kind that comes in together is done together, and shares a transaction, a wait for the disk and a
 * call of the kernel: while one batch is at work, the next gathers. Each item still has an outcome of its own.
 *
 * Who comes alone is served at once. In a crowd, with patience, items that may wait do so until as many of them are there
 * as were in the last batch that had any, or until patience ends: a few clients that wait for their replies are all back
 * by then and lose no time, and a steady stream shares its batches. An item that may not wait, as others wait for it, takes
 * along whatever is there.
 */
export class BatchQueue<Item, Outcome> {
  readonly #work: (items: readonly Item[]) => readonly Outcome[] | Promise<readonly Outcome[]>
  readonly #patienceMs: number
  #waiting: Waiting<Item, Outcome>[] = []
  #isAtWork = false
  #timer: NodeJS.Timeout | undefined
  /** Those that might wait in the last batch that had any, and when the last batch of all ended. */
  #crowd = 1
  #endedAt = 0

  /** `work` returns an outcome for each item, in their order; if it throws, all items of the batch fail alike. */
  constructor(
    work: (items: readonly Item[]) => readonly Outcome[] | Promise<readonly Outcome[]>,
    { patienceMs = 0 }: { readonly patienceMs?: number } = {},
  ) {
    this.#work = work
    this.#patienceMs = patienceMs
  }

  /** Does the item's work with whatever else comes in; rejects if the batch's work threw. */
  add(item: Item, { mayWait = false }: { readonly mayWait?: boolean } = {}): Promise<Outcome> {
    return new Promise((done, failed) => {
      this.#waiting.push({ item, mayWait, done, failed })
      if (!this.#isAtWork) this.#plan()
    })
  }

  /** Begins now, or as soon as the others that are expected are here. */
  #plan(): void {
    const patienceMs = this.#patienceLeft()
    if (
      patienceMs > 0 &&
      this.#waiting.length < this.#crowd &&
      this.#waiting.every(({ mayWait }) => mayWait)
    ) {
      this.#timer ??= setTimeout(() => this.#begin(), patienceMs)
      return
    }
    this.#begin()
  }

  #patienceLeft(): number {
    if (this.#crowd === 1 || this.#patienceMs === 0) return 0
    return this.#patienceMs - (performance.now() - this.#endedAt)
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isAtWork = true
    setImmediate(() => void this.#workOff())
  }

  async #workOff(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH)
    try {
      const outcomes = await this.#work(batch.map(({ item }) => item))
      for (const [i, outcome] of outcomes.entries()) batch[i]?.done(outcome)
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
    this.#isAtWork = false
    this.#crowd = batch.filter(({ mayWait }) => mayWait).length || this.#crowd
    this.#endedAt = performance.now()
    if (this.#waiting.length > 0) this.#plan()
  }
}
