/** The wall clock in whole UTC seconds, as the database, cookies and TSIG count time. */
export function utcSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/** Seconds since some moment that no one can set: for durations. */
export function monotonicSeconds(): number {
  return performance.now() / 1000
}

/**
 * UTC as it was when the process started, plus the time that has really passed since. A jump of the wall clock neither
 * ends nor lengthens what is counted in it.
 */
export class SteadyClock {
  readonly #monotonic: () => number
  readonly #startedAt: number
  readonly #start: number

  /** `wall` in UTC seconds, `monotonic` in seconds. */
  constructor(wall: () => number, monotonic: () => number) {
    this.#monotonic = monotonic
    this.#startedAt = wall()
    this.#start = monotonic()
  }

  /** Whole seconds. */
  now(): number {
    return this.#startedAt + Math.floor(this.#monotonic() - this.#start)
  }
}

/** Whole seconds of milliseconds: what is less than one is one. */
export function secondsOf(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
