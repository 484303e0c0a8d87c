import { BatchQueue } from '../shared/batch-queue.ts'
import type { Log } from '../shared/log.ts'
import type { TunnelStore, TunnelTransaction, Written } from '../store/tunnel-store.ts'
import type { BrokenRow, Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LinkFaults } from './link-faults.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'
import type { TunnelZone } from './tunnel-zone.ts'

export type Deletion = { readonly kind: 'deleted' } | Refusal

/** The end of a tunnel, in the draft's order: interface, row, names. */
export class Removal {
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #now: () => number
  readonly #onRemoved: (rows: number) => void
  readonly #deletions = new BatchQueue((ids: readonly string[]) => this.#deleteAll(ids))

  constructor(parts: {
    readonly store: TunnelStore
    readonly zone: TunnelZone
    readonly drivers: Drivers
    readonly faults: LinkFaults
    readonly turn: KernelTurn
    readonly log: Log
    /** UTC seconds. */
    readonly now: () => number
    /** Called in the tick of the commit with the number of rows that went. */
    readonly onRemoved: (rows: number) => void
  }) {
    this.#store = parts.store
    this.#zone = parts.zone
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#now = parts.now
    this.#onRemoved = parts.onRemoved
  }

  /** Deletes by id, a broken row too; calls that come together share the kernel's turn and a transaction. */
  delete(id: string): Promise<Deletion> {
    return this.#deletions.add(id)
  }

  /** A tunnel whose interface can't be removed keeps its row. Returns the ids of those that are gone. */
  takeDown(tunnels: readonly Tunnel[]): Promise<Set<string>> {
    return this.#takeDown(tunnels, [])
  }

  #takeDown(tunnels: readonly Tunnel[], broken: readonly BrokenRow[]): Promise<Set<string>> {
    return this.#turn.take(async () => {
      const failed = this.#faults.note(tunnels, await this.#drivers.remove(tunnels))
      const down = [...tunnels.filter(tunnel => !failed.has(tunnel.device)), ...broken]
      if (down.length === 0) return new Set()
      return this.#store.commit(transaction => this.#removeRows(transaction, down))
    })
  }

  /** An id that comes twice finds no tunnel the second time. */
  async #deleteAll(ids: readonly string[]): Promise<readonly Deletion[]> {
    const unique = [...new Set(ids)]
    const tunnels = unique.flatMap(id => this.#store.tunnels.byId(id) ?? [])
    const broken = unique.flatMap(id => this.#store.tunnels.brokenById(id) ?? [])
    try {
      const gone = tunnels.length + broken.length === 0 ? new Set() : await this.#takeDown(tunnels, broken)
      return ids.map(id => (gone.delete(id) ? { kind: 'deleted' } : this.#undeleted(id)))
    } catch (error) {
      const problem = storageProblem(error)
      return ids.map(() => refused(problem))
    }
  }

  #undeleted(id: string): Refusal {
    const reason = this.#faults.of(id)
    return refused(reason === undefined ? REFUSAL.noTunnel() : REFUSAL.interfaceFault(reason))
  }

  #removeRows(
    transaction: TunnelTransaction,
    down: readonly { readonly id: string }[],
  ): Written<Set<string>> {
    // What counts is the row as it is now: it may have become active, or have moved, while the kernel was busy.
    const gone = down.flatMap(({ id }) => transaction.remove(id, this.#now()) ?? [])
    return {
      outcome: new Set(gone.map(({ id }) => id)),
      changes: gone.flatMap(row => ('reason' in row ? [] : this.#zone.changesOf(row, undefined))),
      committed: () => {
        this.#onRemoved(gone.length)
        for (const row of gone) this.#removed(row)
      },
    }
  }

  #removed(row: Tunnel | BrokenRow): void {
    this.#faults.forget(row.id)
    if ('reason' in row) this.#log.info({ tunnel: row.id, reason: row.reason }, 'broken row removed')
    else {
      const { id, device, unreachable } = row
      this.#log.info({ tunnel: id, device, unreachable }, 'tunnel removed')
    }
  }
}
