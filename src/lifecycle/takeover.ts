import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Beginning } from '../store/tunnel-transaction.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import type { EndpointChange } from './moves.ts'
import { readAgain } from './read-again.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

/** An endpoint that a silent tunnel has, and the id of that tunnel. */
export interface HeldEndpoint {
  readonly ipv4: string
  readonly holder: string
}

/** `let-go`: the holder does not have the endpoint any more, and nothing was changed. */
export type Takeover = EndpointChange | { readonly kind: 'let-go' }

/**
 * Exchanges of the endpoints of two tunnels: the mover gets the one that a silent holder has, and the holder the
 * mover's old one. If two customers have swapped addresses both are right from then on, in whichever order they come;
 * if not, the holder is as silent as before, keeps its tunnel, and moves on with its own key.
 */
export class Takeovers {
  readonly #store: TunnelStore
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #begin: () => Beginning

  constructor(parts: Omit<LifecycleParts, 'zone' | 'steady'>) {
    this.#store = parts.store
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#begin = () => ({ since: parts.now(), waitUntil: parts.waitUntil() })
  }

  /** Moves the tunnel `id` to an endpoint, if the holder still has it when the kernel's turn has come. */
  take(id: string, { ipv4, holder: holderId }: HeldEndpoint): Promise<Takeover> {
    return this.#turn.take(async () => {
      const mover = this.#store.tunnels.byId(id)
      const holder = this.#store.tunnels.byId(holderId)
      const old = mover?.ipv4Client
      if (mover === undefined || old === undefined) return refused(REFUSAL.noTunnel())
      if (old === ipv4) return { kind: 'unchanged', tunnel: mover }
      if (holder?.ipv4Client !== ipv4) return { kind: 'let-go' }
      const moved = { ...mover, ipv4Client: ipv4 }
      const left = { ...holder, ipv4Client: old }
      const fault = await this.#exchangeRemote({ from: holder, to: moved })
      const refusal =
        fault === undefined
          ? await this.#exchangeRows(id, holderId)
          : refused(REFUSAL.interfaceFault(fault.reason))
      if (refusal !== undefined) {
        await this.#putBack(mover, holder)
        return refusal
      }
      await this.#create(left)
      this.#log.info({ tunnel: id, holder: holderId }, 'tunnel has taken the endpoint of a silent one')
      return { kind: 'changed', tunnel: readAgain<Tunnel>(() => this.#store.tunnels.byId(id), moved) }
    })
  }

  /** Takes the holder's interface down first: the kernel has no two tunnels between the same ends. */
  async #exchangeRemote({
    from,
    to,
  }: {
    readonly from: Tunnel
    readonly to: Tunnel
  }): Promise<LinkFault | undefined> {
    const [fault] = from.unreachable === NEW ? [] : await this.#drivers.remove([from])
    if (fault !== undefined || to.unreachable === NEW) return fault
    const [second] = await this.#drivers.changeRemote([to])
    return second
  }

  async #exchangeRows(id: string, holderId: string): Promise<Refusal | undefined> {
    try {
      const isDone = await this.#store.commit(transaction => ({
        outcome: transaction.exchangeEndpoints(id, holderId, this.#begin()),
        changes: [],
      }))
      return isDone ? undefined : refused(REFUSAL.noTunnel())
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  async #putBack(mover: Tunnel, holder: Tunnel): Promise<void> {
    if (mover.unreachable !== NEW) this.#faults.noteUnsure([mover], await this.#drivers.changeRemote([mover]))
    await this.#create(holder)
  }

  /** Notes a fault: a comparison makes the interface. */
  async #create(tunnel: Tunnel): Promise<void> {
    if (tunnel.unreachable === NEW) return
    this.#faults.noteUnsure([tunnel], await this.#drivers.create([tunnel]))
  }
}
