import { seededRandom } from '../../../bench/seeded-random.ts'

/** Choices that are the same for the same seed. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** A whole number from 0 up to the bound, which is left out. */
  below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  /** True in so many of all cases, from 0 to 1. */
  chance(share: number): boolean {
    return this.#random() < share
  }

  pick<T>(from: readonly T[]): T
  pick(from: string): string
  pick<T>(from: readonly T[] | string): T | string {
    const found = from[this.below(from.length)]
    if (found === undefined) throw new RangeError('there is nothing to pick from')
    return found
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make)
  }

  shuffled<T>(values: readonly T[]): T[] {
    return values
      .map(value => ({ value, rank: this.#random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ value }) => value)
  }
}
