import type { RrsetDifference } from './rrset-difference.ts'

/** The next version, built aside: all memory that it needs is there. It is published or abandoned, once. */
export class PreparedCommit {
  /** Each rrset that the commit changes, once: a put of what stood there, or a put that it takes back, is none. */
  readonly differences: readonly RrsetDifference[]
  readonly #ends: { readonly publish: () => void; readonly abandon: () => void }
  #isOpen = true

  constructor(
    differences: readonly RrsetDifference[],
    ends: { readonly publish: () => void; readonly abandon: () => void },
  ) {
    this.differences = differences
    this.#ends = ends
  }

  /** Shows the version to every reader, in one step. Never throws; does nothing after the commit has ended. */
  publish(): void {
    if (this.#isOpen) this.#ends.publish()
    this.#isOpen = false
  }

  /** Gives all that was built back, and leaves what is published. Does nothing after the commit has ended. */
  abandon(): void {
    if (this.#isOpen) this.#ends.abandon()
    this.#isOpen = false
  }
}
