import { seededRandom } from '../../bench/seeded-random.ts'

const SPREAD = 0x9e37_79b1
const WARM_UP = 8

/** Choices that are the same in every run with the same seed. */
export class Random {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(Math.imul(seed + 1, SPREAD)) // neighbouring seeds would start alike
    for (let i = 0; i < WARM_UP; i++) this.#next()
  }

  below(bound: number): number {
    return Math.floor(this.#next() * bound)
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.#next() < probability
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)]
    if (choice === undefined) throw new Error('there is nothing to choose from')
    return choice
  }

  /** One of the values, each as often as its weight says. */
  weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let left = this.#next() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of choices) {
      left -= weight
      if (left < 0) return value
    }
    throw new Error('there is nothing to choose from')
  }

  list<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => make(index))
  }

  octets(length: number): Buffer {
    return Buffer.from(this.list(length, () => this.below(256)))
  }
}
