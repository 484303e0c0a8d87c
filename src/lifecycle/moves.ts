import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

export type EndpointChange = { readonly kind: 'changed' | 'unchanged'; readonly tunnel: Tunnel } | Refusal

/** Moves of tunnels to another IPv4 endpoint: interface first, then the row; back again if the row can't follow. */
export class Moves {
  readonly #store: TunnelStore
  readonly #drivers: Drivers
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #now: () => number

  constructor(parts: Pick<LifecycleParts, 'store' | 'drivers' | 'turn' | 'log' | 'now'>) {
    this.#store = parts.store
    this.#drivers = parts.drivers
    this.#turn = parts.turn
    this.#log = parts.log
    this.#now = parts.now
  }

  move(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#turn.take(async () => {
      const tunnel = this.#store.tunnels.byId(id)
      if (tunnel === undefined) return refused(REFUSAL.noTunnel())
      if (tunnel.ipv4Client === ipv4) return { kind: 'unchanged', tunnel }
      if (this.#store.tunnels.idByEndpoint(ipv4) !== undefined) return refused(REFUSAL.endpointInUse(ipv4))
      const fault = await this.#moveInterface({ ...tunnel, ipv4Client: ipv4 })
      if (fault !== undefined) return refused(REFUSAL.interfaceFault(fault.reason))
      const refusal = await this.#moveRow(id, ipv4)
      if (refusal === undefined) return { kind: 'changed', tunnel: this.#moved(tunnel, ipv4) }
      await this.#moveInterface(tunnel)
      return refusal
    })
  }

  async #moveRow(id: string, ipv4: string): Promise<Refusal | undefined> {
    try {
      const move = await this.#store.commit(transaction => ({
        outcome: transaction.moveEndpoint(id, ipv4, this.#now()),
        changes: [],
      }))
      if (move === 'moved') return undefined
      // 'taken': somebody else has registered the endpoint meanwhile.
      return refused(move === 'taken' ? REFUSAL.endpointInUse(ipv4) : REFUSAL.noTunnel())
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  #moved(tunnel: Tunnel, ipv4: string): Tunnel {
    this.#log.info({ tunnel: tunnel.id, device: tunnel.device }, 'tunnel endpoint changed')
    return this.#store.tunnels.byId(tunnel.id) ?? { ...tunnel, ipv4Client: ipv4 }
  }

  async #moveInterface(tunnel: Tunnel): Promise<LinkFault | undefined> {
    if (tunnel.unreachable === NEW) return undefined // there is none yet
    const [fault] = await this.#drivers.changeRemote([tunnel])
    return fault
  }
}
