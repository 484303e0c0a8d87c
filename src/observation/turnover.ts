import { monotonicSeconds } from '../shared/clock.ts'
import type { RowDifference } from '../store/tunnel-store.ts'
import { NEW } from '../tunnel/tunnel.ts'

const DAY = 86_400
/** Days that are remembered, today with them. */
export const MAX_DAYS = 31

/** What came and went in a day. */
export interface DayCount {
  readonly registered: number
  readonly removed: number
}

interface Day {
  readonly number: number
  registered: number
  removed: number
}

/** Counts registrations and removals by day, in memory alone: days of 24 hours, counted from the start of the process. */
export class Turnover {
  readonly #isKept: (id: string) => boolean
  readonly #now: () => number
  readonly #start: number
  readonly #days: Day[] = []

  constructor(parts: {
    /** Whether a row that has left the table is kept, so that it may come back. */
    readonly isKept: (id: string) => boolean
    /** Seconds since some moment, of a clock that nobody sets. */
    readonly now?: () => number
  }) {
    this.#isKept = parts.isKept
    this.#now = parts.now ?? monotonicSeconds
    this.#start = this.#now()
  }

  /** Counts what a commit has changed. A tunnel that falls asleep or wakes up neither comes nor goes. */
  follow(rows: readonly RowDifference[]): void {
    for (const { before, after } of rows) {
      if (before === undefined && after?.unreachable === NEW) this.#today().registered++
      if (before !== undefined && after === undefined && !this.#isKept(before.id)) this.#today().removed++
    }
  }

  /** The days since the start, the oldest first, today last; a month's at most. */
  days(): readonly DayCount[] {
    const today = this.#number()
    const first = Math.max(0, today - MAX_DAYS + 1)
    return Array.from({ length: today - first + 1 }, (_, at) => {
      const day = this.#days.find(({ number }) => number === first + at)
      return { registered: day?.registered ?? 0, removed: day?.removed ?? 0 }
    })
  }

  #today(): Day {
    const number = this.#number()
    const last = this.#days.at(-1)
    if (last?.number === number) return last
    const day = { number, registered: 0, removed: 0 }
    this.#days.push(day)
    if (this.#days.length > MAX_DAYS) this.#days.shift()
    return day
  }

  #number(): number {
    return Math.floor((this.#now() - this.#start) / DAY)
  }
}
