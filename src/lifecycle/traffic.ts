import type { Endpoint } from '../shared/endpoint.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { Octets } from '../tunnel/interface.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import { tunnelsOf } from './find-tunnel.ts'
import type { KernelTurn } from './kernel-turn.ts'

/**
 * What is known of tunnels' traffic. `unknown`: their counters could be read before, and can not be now. `uncompared`:
 * something has come from them, and this is the first look, so that nobody knows when.
 */
export interface Heard {
  readonly heard: ReadonlySet<string>
  readonly unknown: ReadonlySet<string>
  readonly uncompared: ReadonlySet<string>
}

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
  heard(ids: readonly string[]): Promise<Heard> {
    return this.#turn.take(async () => {
      const now = await this.#count(ids)
      const heard = [...now].filter(([id, count]) => count > (this.#last.get(id) ?? count))
      const asked = new Set(ids)
      const unknown = [...this.#last].filter(([id]) => asked.has(id) && !now.has(id))
      const uncompared = [...now].filter(([id, count]) => count > 0 && !this.#last.has(id))
      this.#last = new Map([...unknown, ...now])
      return { heard: idsOf(heard), unknown: idsOf(unknown), uncompared: idsOf(uncompared) }
    })
  }

  /** Packets of each of these tunnels since its device was made. */
  packets(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#turn.take(() => this.#count(ids))
  }

  /** What has passed each of these tunnels since its interface was made. */
  octets(ids: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    return this.#turn.take(async () => {
      const tunnels = await tunnelsOf(this.#tunnels, ids)
      return byId(tunnels, await this.#drivers.octets(tunnels))
    })
  }

  /** Where a tunnel's client was heard from, as the driver last saw: nothing is asked for this. */
  heardFrom(tunnel: Tunnel): Endpoint | undefined {
    return this.#drivers.heardFrom(tunnel)
  }

  async #count(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const tunnels = await tunnelsOf(this.#tunnels, ids)
    return byId(tunnels, await this.#drivers.signsOfLife(tunnels))
  }
}

function idsOf(counts: readonly (readonly [id: string, count: number])[]): ReadonlySet<string> {
  return new Set(counts.map(([id]) => id))
}

function byId<T>(tunnels: readonly Tunnel[], byDevice: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const found = new Map<string, T>()
  for (const { id, device } of tunnels) {
    const value = byDevice.get(device)
    if (value !== undefined) found.set(id, value)
  }
  return found
}
