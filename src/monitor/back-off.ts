/**
 * One pending retry whose distance doubles with each failure in a row. Failures that come while a retry is pending
 * (somebody else's wake) do not push it further away.
 */
export class BackOff {
  readonly #firstMs: number
  readonly #longestMs: number
  readonly #retry: () => void
  #nextMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(options: {
    readonly firstMs: number
    readonly longestMs: number
    readonly retry: () => void
  }) {
    this.#firstMs = options.firstMs
    this.#longestMs = options.longestMs
    this.#retry = options.retry
    this.#nextMs = options.firstMs
  }

  /** Returns in how many milliseconds the next try comes; undefined if one is pending already. */
  failed(): number | undefined {
    if (this.#timer !== undefined) return undefined
    const delay = this.#nextMs
    this.#nextMs = Math.min(delay * 2, this.#longestMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#retry()
    }, delay)
    return delay
  }

  succeeded(): void {
    this.stop()
    this.#nextMs = this.#firstMs
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
