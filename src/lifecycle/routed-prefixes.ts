import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { RoutedChange, TunnelTransaction } from '../store/tunnel-transaction.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import { tunnelById } from './find-tunnel.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import type { EndpointChange } from './moves.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

/**
 * A prefix for a tunnel that is there already, and back. Like a registration a gift begins with the row, which says that
 * nobody else may have it; like a removal a return begins with the kernel. What can't be done to the end is undone.
 */
export class RoutedPrefixes {
  readonly #store: TunnelStore
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #steady: () => number

  constructor(parts: Pick<LifecycleParts, 'store' | 'drivers' | 'faults' | 'turn' | 'log' | 'steady'>) {
    this.#store = parts.store
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#steady = parts.steady
  }

  /** Routes a free prefix to a tunnel; one that has one keeps it. A dormant tunnel stays dormant. */
  give(id: string): Promise<EndpointChange> {
    return this.#turn.take(async () => {
      const change = await this.#write(transaction => transaction.giveRouted(id, this.#steady()))
      if (change.kind !== 'changed') return outcomeOf(change)
      const reason = await this.#route(change.tunnel)
      if (reason === undefined) return this.#done(change.tunnel, 'a prefix is routed to the tunnel')
      const isTakenBack = await this.#routeBack(change.before)
      // Where that failed too nobody knows whether the kernel has it: it rests as one that was used.
      const undo = await this.#write(transaction =>
        isTakenBack ? transaction.undoRouted(id) : transaction.takeRouted(id, this.#steady()),
      )
      return undo.kind === 'refused' ? undo : refused(REFUSAL.interfaceFault(reason))
    })
  }

  /** Takes a tunnel's routed prefix back: it rests as an address of a tunnel that was deleted does. */
  take(id: string): Promise<EndpointChange> {
    return this.#turn.take(async () => {
      const tunnel = tunnelById(this.#store.tunnels, id)
      if (tunnel === undefined) return refused(REFUSAL.noTunnel())
      // What another configuration does not route may be in the row still.
      if (tunnel.routedPrefix === undefined) return outcomeOf(await this.#takeRow(id))
      const reason = await this.#route({ ...tunnel, routedPrefix: undefined })
      const change = reason === undefined ? await this.#takeRow(id) : refused(REFUSAL.interfaceFault(reason))
      if (change.kind === 'changed')
        return this.#done(change.tunnel, 'the tunnel has given its routed prefix back')
      await this.#routeBack(tunnel)
      return outcomeOf(change)
    })
  }

  #takeRow(id: string): Promise<RoutedChange | Refusal> {
    return this.#write(transaction => transaction.takeRouted(id, this.#steady()))
  }

  /** Makes the kernel's routes those of the tunnel, if it has an interface. Returns why that did not work. */
  async #route(tunnel: Tunnel): Promise<string | undefined> {
    const [fault] = await this.#faultsOfRouting(tunnel)
    return fault?.reason
  }

  /** The same for a tunnel as it was. Returns whether it is so again. */
  async #routeBack(tunnel: Tunnel): Promise<boolean> {
    return this.#faults.noteUnsure([tunnel], await this.#faultsOfRouting(tunnel)).size === 0
  }

  async #faultsOfRouting(tunnel: Tunnel): Promise<readonly LinkFault[]> {
    if (tunnel.dormant !== undefined || tunnel.unreachable === NEW) return []
    return this.#drivers.changeRemote([tunnel])
  }

  async #write(change: (transaction: TunnelTransaction) => RoutedChange): Promise<RoutedChange | Refusal> {
    try {
      return await this.#store.commit(transaction => ({ outcome: change(transaction), changes: [] }))
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  #done(tunnel: Tunnel, message: string): EndpointChange {
    this.#log.info({ tunnel: tunnel.id, device: tunnel.device }, message)
    return { kind: 'changed', tunnel }
  }
}

function outcomeOf(change: RoutedChange | Refusal): EndpointChange {
  switch (change.kind) {
    case 'refused':
      return change
    case 'changed':
    case 'unchanged':
      return { kind: change.kind, tunnel: change.tunnel }
    case 'gone':
      return refused(REFUSAL.noTunnel())
    case 'routed-full':
      return refused(REFUSAL.routedPrefixesFull())
    default:
      return change satisfies never
  }
}
