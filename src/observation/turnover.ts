import type { RowDifference } from '../store/tunnel-store.ts'
import { NEW } from '../tunnel/tunnel.ts'

const DAY = 86_400
/** Days that are remembered, today with them. */
export const MAX_DAYS = 31
/** The day at which 2026 began: no clock that is set is before it. */
const WRITTEN = 20_454

/** What came and went in a day. */
export interface DayCount {
  readonly registered: number
  readonly removed: number
}

/** A day and its counts, as they outlast a restart. */
export interface KeptDay extends DayCount {
  /** Days since 1 January 1970 in UTC. */
  readonly number: number
}

/** All that is remembered: the days on which something came or went, and since which day anybody counts. */
export interface TurnoverRecord {
  readonly first: number
  readonly days: readonly KeptDay[]
}

type Day = { -readonly [Key in keyof KeptDay]: KeptDay[Key] }

/** Counts registrations and removals by day in UTC. */
export class Turnover {
  readonly #isKept: (id: string) => boolean
  readonly #now: () => number
  #first: number
  #days: Day[] = []
  #changes = 0

  constructor(parts: {
    /** Whether a row that has left the table is kept, so that it may come back. */
    readonly isKept: (id: string) => boolean
    /** UTC seconds of a clock that nobody sets. */
    readonly now: () => number
  }) {
    this.#isKept = parts.isKept
    this.#now = parts.now
    this.#first = this.#number()
  }

  /** Counts what a commit has changed. A tunnel that falls asleep or wakes up neither comes nor goes. */
  follow(rows: readonly RowDifference[]): void {
    for (const { before, after } of rows) {
      if (before === undefined && after?.unreachable === NEW) this.#today().registered++
      if (before !== undefined && after === undefined && !this.#isKept(before.id)) this.#today().removed++
    }
  }

  /** The days since somebody began to count, the oldest first, today last; a month's at most. */
  days(): readonly DayCount[] {
    const today = this.#number()
    const first = Math.max(this.#first, today - MAX_DAYS + 1)
    return Array.from({ length: Math.max(1, today - first + 1) }, (_, at) => {
      const day = this.#days.find(({ number }) => number === first + at)
      return { registered: day?.registered ?? 0, removed: day?.removed ?? 0 }
    })
  }

  /** Grows with each count. */
  get changes(): number {
    return this.#changes
  }

  kept(): TurnoverRecord {
    return { first: this.#first, days: this.#days.map(day => ({ ...day })) }
  }

  /** Adds what the process before has counted. Days to come, because the clock was set back, are kept, and not shown. */
  restore({ first, days }: TurnoverRecord): void {
    const today = this.#number()
    this.#first = Math.min(this.#first, first)
    for (const { number, registered, removed } of days) {
      if (Math.abs(number - today) >= MAX_DAYS) continue
      const day = this.#day(number)
      day.registered += registered
      day.removed += removed
    }
  }

  /** Whether our clock is not set: it is before this program was written, and the record is from long after. */
  isUnset({ first }: Pick<TurnoverRecord, 'first'>): boolean {
    const today = this.#number()
    return today < WRITTEN && first - today >= MAX_DAYS
  }

  #today(): Day {
    this.#changes++
    return this.#day(this.#number())
  }

  #day(number: number): Day {
    const found = this.#days.find(day => day.number === number)
    if (found !== undefined) return found
    const day = { number, registered: 0, removed: 0 }
    this.#days.push(day)
    this.#days.sort((a, b) => a.number - b.number)
    if (this.#days.length > 2 * MAX_DAYS) this.#days.shift() // of them half may be to come
    return day
  }

  #number(): number {
    return Math.floor(this.#now() / DAY)
  }
}
