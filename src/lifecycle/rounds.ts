import type { ProbedTunnel, TunnelStore } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
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
  readonly #now: () => number
  readonly #steady: () => number

  constructor(parts: {
    readonly store: TunnelStore
    readonly removal: Removal
    /** A tunnel that missed more echoes in a row than this is taken down. */
    readonly threshold: number
    /** UTC seconds. */
    readonly now: () => number
    /** Seconds of the steady clock. */
    readonly steady: () => number
  }) {
    this.#store = parts.store
    this.#removal = parts.removal
    this.#threshold = parts.threshold
    this.#now = parts.now
    this.#steady = parts.steady
  }

  targets(): readonly ProbedTunnel[] {
    return this.#store.tunnels.probeTargets()
  }

  /**
   * Counts a whole round in one transaction, then takes down the tunnels over the threshold, and those that were asked in
   * this round and have never been heard in all the time that they had for it.
   */
  async record({ answered, silent }: Round): Promise<{ readonly removed: number }> {
    const now = this.#now()
    await this.#store.commit(transaction => {
      const { tunnels } = transaction
      const changing = new Set([...tunnels.overThreshold(0).map(({ id }) => id), ...tunnels.waitingIds()])
      for (const id of answered) if (changing.has(id)) transaction.countAnswered(id, now)
      for (const id of silent) transaction.countSilent(id, now)
      return { outcome: undefined, changes: [] }
    })
    const asked = new Set(silent)
    const findDead = () => this.#dead(asked)
    return { removed: findDead().length === 0 ? 0 : (await this.#removal.takeDown(findDead)).size }
  }

  #dead(silent: ReadonlySet<string>): readonly Tunnel[] {
    const { tunnels } = this.#store
    const waitedOut = tunnels.waitedOut(this.#steady()).filter(({ id }) => silent.has(id))
    return [...tunnels.overThreshold(this.#threshold), ...waitedOut]
  }
}
