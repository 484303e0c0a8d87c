/** Items in one batch: what waits beyond them goes into the next. */
const BATCH = 128

interface Waiting<Item, Outcome> {
  readonly item: Item
  readonly done: (outcome: Outcome) => void
  readonly failed: (error: unknown) => void
}

/**
 * Work of the same kind that comes in during one turn of the event loop is done together, and shares a transaction, a
 * wait for the disk and a call of the kernel: while one batch is at work, the next gathers. Each item still has an
 * outcome of its own.
 */
export class BatchQueue<Item, Outcome> {
  readonly #work: (items: readonly Item[]) => readonly Outcome[] | Promise<readonly Outcome[]>
  #waiting: Waiting<Item, Outcome>[] = []
  #isAtWork = false

  /** `work` returns an outcome for each item, in their order; where it throws, all items of the batch fail alike. */
  constructor(work: (items: readonly Item[]) => readonly Outcome[] | Promise<readonly Outcome[]>) {
    this.#work = work
  }

  /** Does the item's work with whatever else comes in; rejects where the batch's work threw. */
  add(item: Item): Promise<Outcome> {
    return new Promise((done, failed) => {
      this.#waiting.push({ item, done, failed })
      if (this.#isAtWork) return
      this.#isAtWork = true
      setImmediate(() => void this.#workOff())
    })
  }

  async #workOff(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH)
    try {
      const outcomes = await this.#work(batch.map(({ item }) => item))
      for (const [i, outcome] of outcomes.entries()) batch[i]?.done(outcome)
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
    this.#isAtWork = this.#waiting.length > 0
    if (this.#isAtWork) setImmediate(() => void this.#workOff())
  }
}
