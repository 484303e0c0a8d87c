/** Keys that are counted at a time; the one whose window began first is forgotten first. */
const MAX_KEYS = 50_000

interface Window {
  taken: number
  /** In milliseconds of `now`. */
  readonly endsAt: number
}

/**
 * Counts points a key in a window of time, for a bounded number of keys. By a clock that no one can set: a wall clock
 * that jumps must neither give points back nor take them for years.
 */
export class BoundedLimiter {
  readonly #points: number
  readonly #milliseconds: number
  readonly #maxKeys: number
  readonly #now: () => number
  /** In the order in which they began, which is that in which they end. */
  readonly #windows = new Map<string, Window>()

  constructor(options: {
    readonly points: number
    readonly seconds: number
    readonly maxKeys?: number
    /** Milliseconds since some moment. */
    readonly now?: () => number
  }) {
    this.#points = options.points
    this.#milliseconds = options.seconds * 1000
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
    this.#now = options.now ?? (() => performance.now())
  }

  /** Takes a point of the key. Returns the seconds until the next one if none is left, else undefined. */
  take(key: string): number | undefined {
    const now = this.#now()
    this.#forgetEnded(now)
    const window = this.#windows.get(key) ?? this.#begin(key, now)
    if (window.taken >= this.#points) return Math.max(1, Math.ceil((window.endsAt - now) / 1000))
    window.taken++
    return undefined
  }

  giveBack(key: string): void {
    const window = this.#windows.get(key)
    if (window !== undefined && window.taken > 0) window.taken--
  }

  #begin(key: string, now: number): Window {
    const window = { taken: 0, endsAt: now + this.#milliseconds }
    this.#windows.set(key, window)
    if (this.#windows.size > this.#maxKeys) {
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined) this.#windows.delete(oldest)
    }
    return window
  }

  #forgetEnded(now: number): void {
    for (const [key, { endsAt }] of this.#windows) {
      if (endsAt > now) return
      this.#windows.delete(key)
    }
  }
}
