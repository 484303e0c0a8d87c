import type { Endpoint } from '../shared/endpoint.ts'
import type { Log } from '../shared/log.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { storageFaultOf } from '../store/storage-fault.ts'
import type { DeletedTunnel, ProbedTunnel } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Way } from '../tunnel/contact.ts'
import type { Octets, Reconciliation } from '../tunnel/interface.ts'
import type { DormantTunnel, KindFields, Tunnel } from '../tunnel/tunnel.ts'
import { BringUp, type BroughtUp } from './bring-up.ts'
import { Contacts, type ContactWritten } from './contacts.ts'
import { type Awakened, DormantTunnels, type WakeOptions } from './dormant-tunnels.ts'
import type { Drivers } from './drivers.ts'
import { tunnelById } from './find-tunnel.ts'
import { KernelTurn } from './kernel-turn.ts'
import { KeyProofs, type ShownForKey } from './key-proofs.ts'
import { type KeyRenewal, KeyRenewals } from './key-renewal.ts'
import { Knocks } from './knocks.ts'
import { LinkFaults } from './link-faults.ts'
import { type EndpointChange, Moves } from './moves.ts'
import { Notices } from './notices.ts'
import { readAgain } from './read-again.ts'
import { Reconciler } from './reconciler.ts'
import { type Registration, Registrations, type TunnelRequest } from './registration.ts'
import { type Deleter, type Deletion, Removal, type Suspension } from './removal.ts'
import { Returns } from './returns.ts'
import { type Round, Rounds } from './rounds.ts'
import { RoutedPrefixes } from './routed-prefixes.ts'
import { type HeldEndpoint, Takeovers } from './takeover.ts'
import { type Heard, Traffic } from './traffic.ts'
import type { TunnelZone } from './tunnel-zone.ts'
import { type AskedAgain, Unacknowledged } from './unacknowledged.ts'

/** Milliseconds a registration waits for its interface and names. */
const BRING_UP_PATIENCE_MS = 1000

export interface LifecycleOptions {
  readonly store: TunnelStore
  readonly zone: TunnelZone
  readonly drivers: Drivers
  readonly log: Log
  readonly maxTunnels: number
  /** A tunnel that missed more echoes in a row than this is taken down. */
  readonly threshold: number
  /** Seconds a tunnel may wait for its first sign of life; 0: silence counts from the start. */
  readonly firstAnswer: number
  /** Seconds for which a tunnel that was silent for too long is kept; 0: it goes at once, as in the draft. */
  readonly keep: number
  /** UTC seconds. */
  readonly now: () => number
  /** Seconds of the steady clock. */
  readonly steady: () => number
  /** Called after each commit of a registration. */
  readonly onRegistered: () => void
  /** Called whenever nobody knows what the kernel has of a tunnel: a change failed, and could not be taken back. */
  readonly onUnsure: () => void
}

/** A dormant tunnel, and the seconds that are left to it. */
export interface Ending {
  readonly tunnel: DormantTunnel
  readonly left: number
}

/**
 * The only writer of tunnels.
 *
 *     register           bringUpNew              recordRound            recordRound            delete
 *     ────────▶ new (−1) ─────────▶ waiting (0) ──────────▶ active (0) ◀────────▶ unreachable (x) ────▶ gone
 *                                    ▲   │ never heard                               │ over the threshold  ▲
 *                                    │   └────────────▶ dormant ◀────────────────────┘                     │
 *                                    └───── wake ──────────┘ └─────────────── endDormant ──────────────────┘
 *
 * Each arrow is a transaction, shared in a crowd; DNS follows in the same tick as its commit. The kernel is asked first
 * if something is taken into use or moved, so that a row never promises more than there is.
 */
export class Lifecycle {
  readonly notices: Notices
  /** What opens a tunnel beside its key. */
  readonly proofs: KeyProofs
  readonly #registrations: Registrations
  readonly #bringUp: BringUp
  readonly #rounds: Rounds
  readonly #moves: Moves
  readonly #returns: Returns
  readonly #routed: RoutedPrefixes
  readonly #keyRenewals: KeyRenewals
  readonly #removal: Removal
  readonly #dormant: DormantTunnels
  readonly #knocks: Knocks
  readonly #unacknowledged: Unacknowledged
  readonly #contacts: Contacts
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #now: () => number
  readonly #steady: () => number
  readonly #reconciler: Reconciler
  readonly #traffic: Traffic
  readonly #faults: LinkFaults
  readonly #keyListeners: ((id: string) => void)[] = []

  constructor(options: LifecycleOptions) {
    this.#store = options.store
    this.#zone = options.zone
    this.#now = options.now
    this.#steady = options.steady
    this.#faults = new LinkFaults(options.log, options.onUnsure)
    const { steady, firstAnswer } = options
    const waitUntil = () => (firstAnswer === 0 ? undefined : steady() + firstAnswer)
    const parts = { ...options, faults: this.#faults, turn: new KernelTurn(), waitUntil }
    this.#registrations = new Registrations(options)
    this.proofs = new KeyProofs(options)
    this.#unacknowledged = new Unacknowledged({
      ...options,
      table: options.store.tunnels,
      proofs: this.proofs,
    })
    this.#contacts = new Contacts(options)
    this.notices = new Notices(options)
    this.#bringUp = new BringUp(parts)
    this.#moves = new Moves(parts)
    this.#routed = new RoutedPrefixes(parts)
    const onKeyReplaced = (id: string) => {
      this.proofs.replaced(id)
      for (const listener of this.#keyListeners) listener(id)
    }
    this.#keyRenewals = new KeyRenewals({ ...options, proofs: this.proofs, onReplaced: onKeyReplaced })
    this.#removal = new Removal({ ...parts, onRemoved: rows => this.#registrations.countRemoved(rows) })
    this.#dormant = new DormantTunnels({
      ...parts,
      onWoken: () => this.#registrations.countWoken(),
      onKeyReplaced,
    })
    this.#returns = new Returns({
      table: options.store.tunnels,
      dormant: this.#dormant,
      moves: this.#moves,
      takeovers: new Takeovers(parts),
      proofs: this.proofs,
    })
    this.#knocks = new Knocks({ ...parts, wake: (id, how) => this.#dormant.wake(id, how) })
    this.#rounds = new Rounds({ ...parts, removal: this.#removal })
    this.#reconciler = new Reconciler(parts)
    this.#traffic = new Traffic(parts)
  }

  /**
   * The draft's server steps 2–4. Resolves when the tunnel is up and its names are answered; after a second at the latest,
   * or if the kernel refuses: the tunnel is new then, and tried again.
   */
  async register(request: TunnelRequest): Promise<Registration> {
    const registration = await this.#registrations.register(request)
    if (registration.kind === 'refused') return registration
    await within(BRING_UP_PATIENCE_MS, this.#bringUp.run())
    await this.#store.settle()
    const { tunnel } = registration
    return { ...registration, tunnel: readAgain(() => this.#store.tunnels.byId(tunnel.id), tunnel) }
  }

  /** Brings a dormant tunnel back, because its owner has come by: up, in the table and in DNS when this resolves. */
  wake(id: string, options: WakeOptions = {}): Promise<Awakened> {
    return this.#dormant.wake(id, options)
  }

  /** Brings back the dormant tunnels whose clients were heard since the last call: how many, and of how many. */
  wakeHeard(): Promise<{ readonly listened: number; readonly woken: number }> {
    return this.#knocks.answer()
  }

  /** Dormant tunnels that end within `seconds`, the first to end first; at most `limit`. Each is read when it is asked for. */
  *endingWithin(seconds: number, limit: number): Generator<Ending> {
    const { dormant } = this.#store.tunnels
    const steady = this.#steady()
    for (const id of dormant.endedBy(steady + seconds, limit)) {
      const tunnel = dormant.byId(id)
      if (tunnel !== undefined) yield { tunnel, left: tunnel.dormant.until - steady }
    }
  }

  /**
   * Ends the dormant tunnels whose time is over: addresses and names are free again after their rest. To be called every
   * minute: it notes what time it is, too, which a quiet server writes down nowhere else.
   */
  async endDormant(): Promise<number> {
    await this.proofs.writeDown().catch(error => {
      if (storageFaultOf(error) === undefined) throw error // of a disk in trouble the store itself has told
    })
    return this.#dormant.endOld()
  }

  /** The draft's monitor steps 5–6. Tunnels that can't be brought up stay new; the caller tries again later. */
  bringUpNew(): Promise<BroughtUp> {
    return this.#bringUp.run()
  }

  /** The draft's monitor step 1: the tunnels to probe. */
  probeTargets(): Promise<readonly ProbedTunnel[]> {
    return this.#rounds.targets()
  }

  /** The draft's monitor steps 3–4. */
  recordRound(round: Round): Promise<{ readonly removed: number }> {
    return this.#rounds.record(round)
  }

  /** Moves a tunnel to another IPv4 endpoint; a dormant one comes back there. */
  changeEndpoint(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#returns.changeEndpoint(id, ipv4)
  }

  /** The dormant tunnel that has just this endpoint and name: a registration of both means it. */
  dormantOf(wanted: Pick<TunnelRequest, 'nicname' | 'country'> & { readonly ipv4: string }) {
    return this.#returns.dormantOf(wanted)
  }

  /** The tunnel whose registration these words repeat, if its reply may have been lost with the process before. */
  unacknowledgedOf(asked: AskedAgain): Tunnel | undefined {
    return this.#unacknowledged.of(asked)
  }

  /** Brings a dormant tunnel back with a new key: whoever registers it again from its endpoint has lost the old one. */
  reregister(id: string, asked: Pick<WakeOptions, 'os' | 'mtu'> = {}): Promise<Registration> {
    return this.#returns.reregister(id, asked)
  }

  /** Moves a tunnel to the endpoint of a silent one, which gets the other's; a dormant one comes back first. */
  takeEndpoint(id: string, wanted: HeldEndpoint): Promise<EndpointChange> {
    return this.#returns.takeEndpoint(id, wanted)
  }

  /** Lets a tunnel be known by another public key; a dormant one comes back with it. */
  changeKey(id: string, fields: KindFields): Promise<EndpointChange> {
    return this.#returns.changeKey(id, fields)
  }

  /** UTC seconds at which a waiting tunnel falls asleep or a dormant one ends by itself; undefined: it is neither. */
  endOf({ dormant, waitUntil }: Pick<Tunnel, 'dormant' | 'waitUntil'>): number | undefined {
    const until = dormant?.until ?? waitUntil
    return until === undefined || dormant?.isSuspended ? undefined : until - this.#steady() + this.#now()
  }

  /** A tunnel as it is by now; one that is gone, or can't be read, as it was. */
  current(tunnel: Tunnel): Tunnel {
    return readAgain(() => tunnelById(this.#store.tunnels, tunnel.id), tunnel)
  }

  /** Gives a tunnel a new key; the old one is void. What was shown for it opens the tunnel until the new one was seen. */
  renewKey(id: string, shown?: ShownForKey): Promise<KeyRenewal> {
    return this.#keyRenewals.renew(id, shown)
  }

  /** Lets a tunnel have a smaller MTU than its kind, or that; a dormant one stays dormant. */
  changeMtu(id: string, mtu: number | undefined): Promise<EndpointChange> {
    return this.#moves.changeMtu(id, mtu)
  }

  /** Routes a prefix to a tunnel, or takes it back; one that has it, or not, already stays as it is. */
  changeRouted(id: string, isWanted: boolean): Promise<EndpointChange> {
    return isWanted ? this.#routed.give(id) : this.#routed.take(id)
  }

  /** Calls `listener` in the tick of each commit that gives a tunnel another key. */
  onKeyReplaced(listener: (id: string) => void): void {
    this.#keyListeners.push(listener)
  }

  /** Takes a tunnel down at the operator's wish: interface and names go, the rest is kept until `resume`. */
  suspend(id: string): Promise<Suspension> {
    return this.#removal.suspend(id)
  }

  /** Brings a suspended tunnel back; another one that sleeps too. */
  resume(id: string): Promise<Awakened> {
    return this.#dormant.wake(id, { isOperator: true })
  }

  /**
   * Notes where a tunnel's owner is reached, and asks there whether notices may come. `read` tells it in the transaction,
   * from what was noted by then. False: the tunnel is gone. Rejects as a commit does.
   */
  setContact(id: string, read: () => ContactWritten): Promise<boolean> {
    return this.#contacts.set(id, read)
  }

  /** Notes that whoever reads at a target wants to be told; false: nobody is waited for there. Rejects as a commit does. */
  confirmContact(id: string, way: Pick<Way, 'kind' | 'target'>): Promise<boolean> {
    return this.#contacts.confirm(id, way)
  }

  /** Has a link to a new key sent to a tunnel's owner. Rejects as a commit does. */
  sendRecovery(id: string): Promise<void> {
    return this.#contacts.sendRecovery(id)
  }

  /** Notes something of a tunnel for the operator; empty: nothing. Rejects as a commit does. */
  setNote(id: string, note: string): Promise<void> {
    return this.#store.commit(transaction => {
      if (tunnelById(transaction.tunnels, id) !== undefined) transaction.setNote(id, note)
      return { outcome: undefined, changes: [] }
    })
  }

  /** Ends a tunnel at the wish of its owner, or of the operator: then its owner is told. By its id a broken row too. */
  delete(id: string, by: Deleter = 'owner'): Promise<Deletion> {
    return this.#removal.delete(id, by)
  }

  /** A tunnel that its owner has deleted just now. */
  deleted(id: string): DeletedTunnel | undefined {
    return this.#removal.deleted(id)
  }

  /** Makes the kernel's interfaces equal to the table's, both ways. */
  reconcile(): Promise<Reconciliation> {
    return this.#reconciler.run()
  }

  /**
   * The tunnels among these whose interface has needed no mending `since` a moment by performance.now(), nor now: the
   * kernel is reconciled, unless it is known to be sound.
   */
  check(ids: readonly string[], since = performance.now()): Promise<ReadonlySet<string>> {
    return this.#reconciler.check(ids, since)
  }

  /** The tunnels among these that have sent something since the last call, as far as the kernel can say. */
  heardSince(ids: readonly string[]): Promise<Heard> {
    return this.#traffic.heard(ids)
  }

  /** Packets that each of these tunnels has sent since its interface was made, as far as the kernel can say. */
  packetsFrom(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#traffic.packets(ids)
  }

  /** What has passed each of these tunnels since its interface was made, as far as the kernel can say. */
  octetsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    return this.#traffic.octets(ids)
  }

  /** Where the client of a tunnel was heard from at the last look, if it is of a kind that roams. */
  heardFrom(tunnel: Tunnel): Endpoint | undefined {
    return this.#traffic.heardFrom(tunnel)
  }

  /** Why the kernel refused a tunnel's interface when it was last tried; undefined: it did not. */
  faultOf(id: string): string | undefined {
    return this.#faults.of(id)
  }

  /** Why the name of a tunnel leads elsewhere or nowhere; undefined: it is in order, or the tunnel has none now. */
  nameTroubleOf(tunnel: Tunnel): Problem | undefined {
    if (!this.#zone.isHidden(tunnel)) return undefined
    const name = `${tunnel.nicname}.${tunnel.country}.${this.#zone.names.origin}`
    return problem('name-hidden', { name, mailbox: this.#zone.mailbox() })
  }

  /** Counts rows afresh: another program has edited them. */
  recount(): void {
    this.#registrations.recount()
  }
}

/** Waits for work that goes on by itself, but not for ever; how it ends is reported by whoever repeats it. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  const done = work.then(
    () => undefined,
    () => undefined,
  )
  await Promise.race([done, patience])
  clearTimeout(timer)
}
