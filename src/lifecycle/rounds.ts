import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Removal } from './removal.ts'

/** The ids of the tunnels that answered in a monitor round, and of those that did not. */
export interface Round {
  readonly answered: readonly string[]
  readonly silent: readonly string[]
}

/** The draft's monitor steps 1, 3 and 4: what to probe, the counts, and the end of those over the threshold. */
export class Rounds {
  readonly #store: TunnelStore
  readonly #removal: Removal
  readonly #threshold: number

  constructor(parts: {
    readonly store: TunnelStore
    readonly removal: Removal
    /** A tunnel that missed more echoes in a row than this is taken down. */
    readonly threshold: number
  }) {
    this.#store = parts.store
    this.#removal = parts.removal
    this.#threshold = parts.threshold
  }

  targets(): readonly { readonly id: string; readonly ipv6Client: string }[] {
    return this.#store.tunnels.probeTargets()
  }

  /** Counts a whole round in one transaction, then takes down the tunnels over the threshold. */
  async record({ answered, silent }: Round): Promise<{ readonly removed: number }> {
    await this.#store.commit(transaction => {
      const missedBefore = new Set(transaction.tunnels.overThreshold(0).map(tunnel => tunnel.id))
      for (const id of answered) if (missedBefore.has(id)) transaction.countAnswered(id)
      for (const id of silent) transaction.countSilent(id)
      return { outcome: undefined, changes: [] }
    })
    const dead = this.#store.tunnels.overThreshold(this.#threshold)
    return { removed: dead.length === 0 ? 0 : (await this.#removal.takeDown(dead)).size }
  }
}
