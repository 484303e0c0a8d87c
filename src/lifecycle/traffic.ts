import type { TunnelReader } from '../store/tunnel-store.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'

/** What tunnels send, as a sign of life where echoes are filtered: counters of their devices, from look to look. */
export class Traffic {
  readonly #tunnels: TunnelReader
  readonly #drivers: Drivers
  readonly #turn: KernelTurn
  /** Packets at the last look, by tunnel. */
  #last: ReadonlyMap<string, number> = new Map()

  constructor(parts: {
    readonly store: { readonly tunnels: TunnelReader }
    readonly drivers: Drivers
    readonly turn: KernelTurn
  }) {
    this.#tunnels = parts.store.tunnels
    this.#drivers = parts.drivers
    this.#turn = parts.turn
  }

  /** Those among these tunnels that have sent something since the last look, if that had them too. */
  heard(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#turn.take(async () => {
      const now = await this.#count(ids)
      const heard = [...now].filter(([id, count]) => count > (this.#last.get(id) ?? count))
      this.#last = now
      return new Set(heard.map(([id]) => id))
    })
  }

  /** Packets of each of these tunnels since its device was made. */
  packets(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#turn.take(() => this.#count(ids))
  }

  async #count(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const tunnels = ids.flatMap(id => this.#tunnels.byId(id) ?? [])
    const packets = await this.#drivers.signsOfLife(tunnels)
    const counts = new Map<string, number>()
    for (const { id, device } of tunnels) {
      const count = packets.get(device)
      if (count !== undefined) counts.set(id, count)
    }
    return counts
  }
}
