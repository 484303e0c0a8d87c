import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** Keys that are counted at a time; the one counted longest ago is forgotten first. */
const MAX_KEYS = 50_000

/** Counts points a key in a window of time, for a bounded number of keys. */
export class BoundedLimiter {
  readonly #limiter: RateLimiterMemory
  readonly #maxKeys: number
  /** In the order in which they were counted first. */
  readonly #keys = new Set<string>()

  constructor(options: {
    readonly points: number
    readonly seconds: number
    readonly maxKeys?: number
  }) {
    this.#limiter = new RateLimiterMemory({ points: options.points, duration: options.seconds })
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
  }

  /** Takes a point of the key. Returns the seconds until the next one if none is left, else undefined. */
  async take(key: string): Promise<number | undefined> {
    await this.#makeRoom(key)
    try {
      await this.#limiter.consume(key)
      return undefined
    } catch (state) {
      if (!(state instanceof RateLimiterRes)) throw state
      return Math.max(1, Math.ceil(state.msBeforeNext / 1000))
    }
  }

  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key)
  }

  async #makeRoom(key: string): Promise<void> {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    if (this.#keys.size <= this.#maxKeys) return
    const [oldest] = this.#keys
    if (oldest === undefined) return
    this.#keys.delete(oldest)
    await this.#limiter.delete(oldest)
  }
}
