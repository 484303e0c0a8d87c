/** Echoes that may be on their way at a time for one visitor, and in all. */
const PER_VISITOR = 8
const IN_ALL = 256

/** Bounds the echoes that visitors make us send at the same time. */
export class ProbeGate {
  readonly #running = new Map<string, number>()
  #inAll = 0

  /** Does the work, or returns undefined at once if too many are under way. `visitor` undefined: nobody's limit. */
  async run<T>(visitor: string | undefined, work: () => Promise<T>): Promise<T | undefined> {
    const mine = visitor === undefined ? 0 : (this.#running.get(visitor) ?? 0)
    if (mine >= PER_VISITOR || this.#inAll >= IN_ALL) return undefined
    this.#count(visitor, 1)
    try {
      return await work()
    } finally {
      this.#count(visitor, -1)
    }
  }

  #count(visitor: string | undefined, step: number): void {
    this.#inAll += step
    if (visitor === undefined) return
    const running = (this.#running.get(visitor) ?? 0) + step
    if (running === 0) this.#running.delete(visitor)
    else this.#running.set(visitor, running)
  }
}
