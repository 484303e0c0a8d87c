/** Lets work on the same thing be done one after the other, in the order in which it came. */
export class Turns {
  /** The last of those that wait or are at work, by what they work on. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Resolves or rejects as the work does, which begins at once if nobody is before it. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const turn = before === undefined ? work() : before.then(work, work)
    this.#last.set(key, turn)
    const end = () => {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
    turn.then(end, end)
    return turn
  }
}
