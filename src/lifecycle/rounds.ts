import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cursor, ProbedTunnel, TableSlice } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction } from '../store/tunnel-transaction.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Removal } from './removal.ts'

/** Rows that are read in one turn of the event loop. */
const READ_SLICE = 2000
/** Tunnels that are counted in one commit, and that are taken down in one: ten to thirty milliseconds each. */
const COUNTED_SLICE = 1000
const TAKEN_DOWN_SLICE = 250

/** The ids of the tunnels that answered in a monitor round, and of those that did not. */
export interface Round {
  readonly answered: readonly string[]
  readonly silent: readonly string[]
}

/**
 * The draft's monitor steps 1, 3 and 4: what to probe, the counts, and the end of those over the threshold. In slices,
 * so that nobody waits where a whole network falls silent.
 */
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

  async targets(): Promise<readonly ProbedTunnel[]> {
    try {
      return await this.#readTargets()
    } catch (error) {
      this.#store.noteFault(error)
      throw error
    }
  }

  async #readTargets(): Promise<readonly ProbedTunnel[]> {
    const targets: ProbedTunnel[] = []
    for (let from: Cursor | undefined; ; await nextTurn()) {
      const { rows, next }: TableSlice<ProbedTunnel> = this.#store.tunnels.probeTargets(from, READ_SLICE)
      targets.push(...rows)
      if (next === undefined) return targets
      from = next
    }
  }

  /**
   * Counts a round, then takes down those of its silent tunnels that are over the threshold, or have never been heard in
   * all the time that they had for it. A tunnel may be over the threshold already, because that was lowered or the kernel
   * kept the interface: a round in which it was not silent leaves it alone.
   */
  async record({ answered, silent }: Round): Promise<{ readonly removed: number }> {
    const now = this.#now()
    const { tunnels } = this.#store
    const unsure = [tunnels.idsOver(0), tunnels.waitingIds(), tunnels.proofs.idsWithGivenEndpoint()]
    const changing = new Set(unsure.flat())
    const heard = answered.filter(id => changing.has(id))
    await this.#count(heard, (transaction, id) => transaction.countAnswered(id, now))
    await this.#count(silent, (transaction, id) => transaction.countSilent(id, now))
    const ended = new Set([...tunnels.idsOver(this.#threshold), ...tunnels.idsWaitedOut(this.#steady())])
    const dead = silent.filter(id => ended.has(id))
    let removed = 0
    for (const ids of slicesOf(dead, TAKEN_DOWN_SLICE))
      removed += (await this.#removal.takeDown(() => this.#deadAmong(ids))).size
    return { removed }
  }

  async #count(
    ids: readonly string[],
    count: (transaction: TunnelTransaction, id: string) => void,
  ): Promise<void> {
    for (const slice of slicesOf(ids, COUNTED_SLICE)) {
      await this.#store.commit(transaction => {
        for (const id of slice) count(transaction, id)
        return { outcome: undefined, changes: [] }
      })
    }
  }

  /** Those that are still as they were when they were found: one may have moved or answered meanwhile. */
  #deadAmong(ids: readonly string[]): readonly Tunnel[] {
    const steady = this.#steady()
    return ids.flatMap(id => {
      const tunnel = this.#store.tunnels.byId(id)
      if (tunnel === undefined || tunnel.dormant !== undefined) return []
      const { unreachable, waitUntil } = tunnel
      const hasWaited = waitUntil !== undefined && waitUntil <= steady && unreachable >= 0
      return unreachable > this.#threshold || hasWaited ? [tunnel] : []
    })
  }
}

function* slicesOf<T>(items: readonly T[], length: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += length) yield items.slice(start, start + length)
}
