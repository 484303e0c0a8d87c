import type { Log } from '../shared/log.ts'
import { storageFaultOf } from '../store/storage-fault.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction, Written } from '../store/tunnel-transaction.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import type { TunnelZone } from './tunnel-zone.ts'

export interface BroughtUp {
  readonly activated: number
  readonly failed: number
}

/** The draft's monitor steps 5–6: an interface for every new tunnel, its entry changed, its names in DNS. */
export class BringUp {
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #now: () => number
  readonly #waitUntil: () => number | undefined
  #next: Promise<BroughtUp> | undefined

  constructor(parts: LifecycleParts) {
    this.#store = parts.store
    this.#zone = parts.zone
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#now = parts.now
    this.#waitUntil = parts.waitUntil
  }

  /**
   * Those whose interface can't be made, or whose names find no room, stay new; the caller tries again later. Calls that
   * wait for the kernel's turn share one pass: a crowd costs one call of the kernel and one commit.
   */
  run(): Promise<BroughtUp> {
    this.#next ??= this.#turn.take(async () => {
      this.#next = undefined
      const tunnels = this.#store.tunnels.newTunnels()
      if (tunnels.length === 0) return { activated: 0, failed: 0 }
      const failed = this.#faults.note(tunnels, await this.#drivers.create(tunnels))
      const made = tunnels.filter(tunnel => !failed.has(tunnel.device))
      const activated = await this.#activate(made)
      if (activated === 'table-full') return { activated: 0, failed: tunnels.length }
      const vanished = made.filter(tunnel => !activated.has(tunnel.id))
      if (vanished.length > 0) this.#faults.noteUnsure([], await this.#drivers.remove(vanished))
      return { activated: activated.size, failed: failed.size }
    })
    return this.#next
  }

  async #activate(tunnels: readonly Tunnel[]): Promise<ReadonlySet<string> | 'table-full'> {
    if (tunnels.length === 0) return new Set()
    try {
      return await this.#store.commit(transaction => this.#publish(transaction, tunnels))
    } catch (error) {
      if (storageFaultOf(error) !== 'table-full') throw error
      this.#log.error({ tunnels: tunnels.length }, 'the table of names is full: new tunnels stay new')
      return 'table-full'
    }
  }

  #publish(transaction: TunnelTransaction, tunnels: readonly Tunnel[]): Written<ReadonlySet<string>> {
    const waitUntil = this.#waitUntil()
    const now = this.#now()
    const rows = tunnels.flatMap(tunnel => transaction.activate(tunnel, now, waitUntil) ?? [])
    return {
      outcome: new Set(rows.map(({ id }) => id)),
      changes: rows.flatMap(tunnel => this.#zone.changesOf(undefined, tunnel)),
      committed: () => {
        for (const { id, device } of rows) this.#log.info({ tunnel: id, device }, 'tunnel up')
      },
    }
  }
}
