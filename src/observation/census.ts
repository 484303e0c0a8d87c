import type { CountryCount } from '../store/tunnel-store.ts'

/** A count is given again for this long at least, and for as long as keeps counting to a hundredth of the time. */
const MIN_AGE_MS = 5000
const AGE_PER_COST = 100

/** How many tunnels there are and how they fare, by country: what everybody may know. */
export interface Figures {
  readonly tunnels: number
  /** Those that answered when they were last asked. */
  readonly answering: number
  readonly countries: number
  /** The country with the most tunnels first. */
  readonly byCountry: readonly CountryCount[]
}

/** Counts the table for pages, seldom enough that nobody who asks again and again costs a walk each time. */
export class Census {
  readonly #count: () => readonly CountryCount[]
  readonly #now: () => number
  #figures: Figures | undefined
  #goodUntil = Number.NEGATIVE_INFINITY

  /** `now`: milliseconds since some moment, of a clock that nobody sets. */
  constructor(count: () => readonly CountryCount[], now: () => number = () => performance.now()) {
    this.#count = count
    this.#now = now
  }

  /** The figures of a few seconds ago; undefined: the table can't be read, and never could. */
  figures(): Figures | undefined {
    const start = this.#now()
    if (start < this.#goodUntil) return this.#figures
    try {
      this.#figures = figuresOf(this.#count())
    } catch {
      // Whoever looks after the table has said so: a page without figures is better than none.
    }
    const end = this.#now()
    this.#goodUntil = end + Math.max(MIN_AGE_MS, AGE_PER_COST * (end - start))
    return this.#figures
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
