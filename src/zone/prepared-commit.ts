import type { ChangedZone, RrsetDifference } from './rrset-difference.ts'

/** The next version, built aside: all memory that it needs is there. It is published or abandoned, once. */
export class PreparedCommit {
  /** The zones that changes were about, in the order of the first ones. */
  readonly zones: readonly ChangedZone[]
  readonly #ends: { readonly publish: () => void; readonly abandon: () => void }
  #isOpen = true

  constructor(
    zones: readonly ChangedZone[],
    ends: { readonly publish: () => void; readonly abandon: () => void },
  ) {
    this.zones = zones
    this.#ends = ends
  }

  /** Each rrset that the commit changes, once, zone by zone: a put of what stood there, or one that is taken back, is none. */
  get differences(): readonly RrsetDifference[] {
    return this.zones.flatMap(({ differences }) => differences)
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
