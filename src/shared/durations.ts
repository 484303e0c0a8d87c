/** How long things took, counted in classes: a few doubles, which another thread may read while they are counted. */

/** Upper bounds of the classes, in seconds; the last class, behind them, has no bound. */
export const DURATION_BOUNDS: readonly number[] = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1,
]
const CLASSES = DURATION_BOUNDS.length + 1
const SUM = CLASSES
const BOUNDS_MS = Float64Array.from(DURATION_BOUNDS, seconds => seconds * 1000)

/** Doubles of one count; two lines of the cache, so that threads with counts side by side do not disturb each other. */
export const DURATION_DOUBLES = 16

export interface Durations {
  /** How many there were in each class. */
  readonly counts: readonly number[]
  /** All of them together. */
  readonly seconds: number
}

export class DurationCount {
  readonly #doubles: Float64Array

  /** Counts in `doubles`, of which there are DURATION_DOUBLES. */
  constructor(doubles: Float64Array = new Float64Array(DURATION_DOUBLES)) {
    this.#doubles = doubles
  }

  /** Counts `times` things that have each taken as long. */
  note(milliseconds: number, times: number): void {
    let n = 0
    while (n < BOUNDS_MS.length && milliseconds > (BOUNDS_MS[n] ?? 0)) n++
    this.#doubles[n] = (this.#doubles[n] ?? 0) + times
    this.#doubles[SUM] = (this.#doubles[SUM] ?? 0) + (milliseconds / 1000) * times
  }

  read(): Durations {
    return { counts: [...this.#doubles.subarray(0, CLASSES)], seconds: this.#doubles[SUM] ?? 0 }
  }
}

/** Those of several counts together. */
export function sumOfDurations(parts: readonly Durations[]): Durations {
  const counts = new Array<number>(CLASSES).fill(0)
  for (const part of parts)
    for (const [n, count] of part.counts.entries()) counts[n] = (counts[n] ?? 0) + count
  return { counts, seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0) }
}
