import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Reconciliation } from '../tunnel/interface.ts'
import { BringUp, type BroughtUp } from './bring-up.ts'
import type { Drivers } from './drivers.ts'
import { KernelTurn } from './kernel-turn.ts'
import { type KeyRenewal, KeyRenewals } from './key-renewal.ts'
import { LinkFaults } from './link-faults.ts'
import { type EndpointChange, Moves } from './moves.ts'
import { Reconciler } from './reconciler.ts'
import { type Registration, Registrations, type TunnelRequest } from './registration.ts'
import { type Deletion, Removal } from './removal.ts'
import { type Round, Rounds } from './rounds.ts'
import { Takeovers } from './takeover.ts'
import type { TunnelZone } from './tunnel-zone.ts'

export interface LifecycleOptions {
  readonly store: TunnelStore
  readonly zone: TunnelZone
  readonly drivers: Drivers
  readonly log: Log
  readonly maxTunnels: number
  /** A tunnel that missed more echoes in a row than this is taken down. */
  readonly threshold: number
  /** UTC seconds. */
  readonly now: () => number
  /** Called after each commit of a registration. */
  readonly onRegistered: () => void
}

/**
 * The only writer of tunnels.
 *
 *     register           bringUpNew           recordRound            recordRound (over threshold), delete
 *     ────────▶ new (−1) ─────────▶ active (0) ◀────────▶ unreachable (x) ─────────▶ gone
 *
 * Each arrow is a transaction, shared in a crowd; DNS follows in the same tick as its commit. The kernel is asked first
 * if something is taken into use or moved, so that a row never promises more than there is.
 */
export class Lifecycle {
  readonly #registrations: Registrations
  readonly #bringUp: BringUp
  readonly #rounds: Rounds
  readonly #moves: Moves
  readonly #takeovers: Takeovers
  readonly #keyRenewals: KeyRenewals
  readonly #removal: Removal
  readonly #reconciler: Reconciler
  readonly #faults: LinkFaults

  constructor(options: LifecycleOptions) {
    this.#faults = new LinkFaults(options.log)
    const parts = { ...options, faults: this.#faults, turn: new KernelTurn() }
    this.#registrations = new Registrations(options)
    this.#bringUp = new BringUp(parts)
    this.#moves = new Moves(parts)
    this.#takeovers = new Takeovers(parts)
    this.#keyRenewals = new KeyRenewals(options)
    this.#removal = new Removal({ ...parts, onRemoved: rows => this.#registrations.countRemoved(rows) })
    this.#rounds = new Rounds({ ...parts, removal: this.#removal })
    this.#reconciler = new Reconciler(parts)
  }

  /** The draft's server steps 2–4. */
  register(request: TunnelRequest): Promise<Registration> {
    return this.#registrations.register(request)
  }

  /** The draft's monitor steps 5–6. Tunnels that can't be brought up stay new; the caller tries again later. */
  bringUpNew(): Promise<BroughtUp> {
    return this.#bringUp.run()
  }

  /** The draft's monitor step 1: the tunnels to probe, addresses in canonical text. */
  probeTargets(): readonly { readonly id: string; readonly ipv6Client: string }[] {
    return this.#rounds.targets()
  }

  /** The draft's monitor steps 3–4. */
  recordRound(round: Round): Promise<{ readonly removed: number }> {
    return this.#rounds.record(round)
  }

  /** Moves a tunnel to another IPv4 endpoint. */
  changeEndpoint(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#moves.move(id, ipv4)
  }

  /** Moves a tunnel to the endpoint of the tunnel `holderId`, which gets the other's. */
  takeEndpoint(id: string, holderId: string): Promise<EndpointChange> {
    return this.#takeovers.take(id, holderId)
  }

  /** Gives a tunnel a new key; the old one is void. */
  renewKey(id: string): Promise<KeyRenewal> {
    return this.#keyRenewals.renew(id)
  }

  /** Ends a tunnel at its owner's or the operator's wish; by its id a broken row too. */
  delete(id: string): Promise<Deletion> {
    return this.#removal.delete(id)
  }

  /** Makes the kernel's interfaces equal to the table's, both ways. */
  reconcile(): Promise<Reconciliation> {
    return this.#reconciler.run()
  }

  /** The tunnels among these whose interface needed no mending; the whole kernel is reconciled for it. */
  check(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#reconciler.check(ids)
  }

  /** Why the kernel refused a tunnel's interface when it was last tried; undefined: it did not. */
  faultOf(id: string): string | undefined {
    return this.#faults.of(id)
  }

  /** Counts rows afresh: another program has edited them. */
  recount(): void {
    this.#registrations.recount()
  }
}
