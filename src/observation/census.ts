import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { CountryCount, CountrySlice, Cursor, TunnelReader } from '../store/tunnel-reader.ts'

/** Whoever asks waits this long for a count: one that shares the time with the coming up of the tunnels takes seconds. */
const PATIENCE_MS = 50
/** A count is given again for this long at least, and for as long as keeps counting to a hundredth of the time. */
const MIN_AGE_MS = 5000
const AGE_PER_COST = 100
/** For this much longer at least it is given to who comes while a new one is under way, instead of a wait. */
const MIN_GRACE_MS = 60_000
/** Rows counted in one turn of the event loop: some milliseconds. */
const SLICE = 2000

/** How many tunnels there are and how they fare, by country: what everybody may know. */
export interface Figures {
  readonly tunnels: number
  /** Those that answered when they were last asked. */
  readonly answering: number
  readonly countries: number
  /** The country with the most tunnels first. */
  readonly byCountry: readonly CountryCount[]
}

interface CensusOptions {
  readonly table: Pick<TunnelReader, 'countByCountry'>
  readonly isCountry: (code: string) => boolean
  /** Milliseconds since some moment, of a clock that nobody sets. */
  readonly now?: () => number
  /** Milliseconds that whoever asks waits for a count, fifty unless given. */
  readonly patienceMs?: number
}

/** Counts the table for pages, seldom enough that nobody who asks again and again costs a walk each time. */
export class Census {
  readonly #table: CensusOptions['table']
  readonly #isCountry: CensusOptions['isCountry']
  readonly #now: () => number
  readonly #patienceMs: number
  #figures: Figures | undefined
  #goodUntil = Number.NEGATIVE_INFINITY
  #usableUntil = Number.NEGATIVE_INFINITY
  #counting: Promise<void> | undefined
  /** Milliseconds that the count under way has held everybody up, in all its turns. */
  #cost = 0

  constructor({ table, isCountry, now = () => performance.now(), patienceMs = PATIENCE_MS }: CensusOptions) {
    this.#table = table
    this.#isCountry = isCountry
    this.#now = now
    this.#patienceMs = patienceMs
  }

  /** The figures of a few seconds ago; undefined: the first count is under way, or the table could never be read. */
  async figures(): Promise<Figures | undefined> {
    const now = this.#now()
    if (now < this.#goodUntil) return this.#figures
    this.#counting ??= this.#renew()
    if (this.#figures === undefined || now >= this.#usableUntil) {
      await Promise.race([this.#counting, sleep(this.#patienceMs, undefined, { ref: false })])
    }
    return this.#figures
  }

  async #renew(): Promise<void> {
    this.#cost = 0
    try {
      this.#figures = figuresOf(await this.#count())
    } catch {
      // Whoever looks after the table has said so: a page without figures is better than none.
    }
    const age = Math.max(MIN_AGE_MS, AGE_PER_COST * this.#cost)
    this.#goodUntil = this.#now() + age
    this.#usableUntil = this.#goodUntil + Math.max(MIN_GRACE_MS, age)
    this.#counting = undefined
  }

  /** In slices: the walk through a large table would hold everybody up. */
  async #count(): Promise<readonly CountryCount[]> {
    const sums = new Map<string, CountryCount>()
    for (let slice = this.#slice(undefined); ; await nextTurn()) {
      for (const count of slice.counts) {
        if (this.#isCountry(count.country)) sums.set(count.country, added(count, sums.get(count.country)))
      }
      if (slice.next === undefined) return [...sums.values()]
      slice = this.#slice(slice.next)
    }
  }

  #slice(from: Cursor | undefined): CountrySlice {
    const start = this.#now()
    const slice = this.#table.countByCountry(from, SLICE)
    this.#cost += this.#now() - start
    return slice
  }
}

function added(count: CountryCount, to: CountryCount | undefined): CountryCount {
  if (to === undefined) return count
  return {
    country: count.country,
    new: to.new + count.new,
    waiting: to.waiting + count.waiting,
    active: to.active + count.active,
    unreachable: to.unreachable + count.unreachable,
  }
}

function figuresOf(counted: readonly CountryCount[]): Figures {
  const byCountry = counted.toSorted(
    (a, b) => allOf(b) - allOf(a) || (a.country < b.country ? -1 : Number(a.country > b.country)),
  )
  return {
    tunnels: sum(byCountry.map(allOf)),
    answering: sum(byCountry.map(({ active }) => active)),
    countries: byCountry.length,
    byCountry,
  }
}

/** All of a country's tunnels that have an interface and a name, or soon will. */
function allOf({ active, waiting, unreachable, new: fresh }: CountryCount): number {
  return active + waiting + unreachable + fresh
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
