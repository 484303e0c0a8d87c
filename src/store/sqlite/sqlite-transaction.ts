import type { Prefix } from '../../address/prefix.ts'
import type { Assignment } from '../../tunnel/address-pool.ts'
import type { Contact, WayName } from '../../tunnel/contact.ts'
import type { Resting } from '../../tunnel/index-pool.ts'
import type { BrokenRow, Dormancy, KindFields, Tunnel } from '../../tunnel/tunnel.ts'
import type { InvitationWrites } from '../invitations.ts'
import type { Notice, ToldOccasion } from '../notice.ts'
import { storageFaultOf } from '../storage-fault.ts'
import type { TunnelReader } from '../tunnel-reader.ts'
import type { RowDifference } from '../tunnel-store.ts'
import type {
  Awakening,
  Beginning,
  HeldEnds,
  Insertion,
  InsertionOptions,
  Move,
  RoutedChange,
  TunnelTransaction,
  Waking,
} from '../tunnel-transaction.ts'
import type { NewKey } from '../unseen-key.ts'
import type { DeletedTable } from './deleted-table.ts'
import type { DormantWrites } from './dormant-writes.ts'
import type { HeldEndWrites } from './held-end-writes.ts'
import type { IndexAllocation } from './index-allocation.ts'
import type { NoticeWrites } from './notice-writes.ts'
import type { ProofTable } from './proof-table.ts'
import { RoutedChanges, type RoutedWrites } from './routed-writes.ts'
import type { TunnelWrites } from './tunnel-writes.ts'

/** How many indexes are tried when rows written by another program stand in the way. */
const MAX_INDEX_ATTEMPTS = 4096

/** The writes of one transaction, and what they mean for memory once it is committed or rolled back. */
export class SqliteTransaction implements TunnelTransaction {
  readonly tunnels: TunnelReader
  readonly invitations: InvitationWrites
  readonly rows: RowDifference[] = []
  /** Whether somebody is to be told something. */
  hasNotices = false
  /** Whether a pool had nothing left to give. */
  wasFull = false
  readonly #writes: TunnelWrites
  readonly #dormant: DormantWrites
  readonly #deleted: DeletedTable
  readonly #heldEnds: HeldEndWrites
  readonly #notices: NoticeWrites
  readonly #proofs: ProofTable
  readonly #links: IndexAllocation<Assignment>
  readonly #routed: IndexAllocation<Prefix> | undefined
  readonly #routedWrites: RoutedWrites
  readonly #routedChanges: RoutedChanges
  readonly #takenBack: (() => void)[] = []
  readonly #resting: Resting[] = []
  readonly #restingRouted: Resting[] = []
  /** Rows whose routed prefix is free again at once. */
  readonly #unused: Tunnel[] = []

  constructor(parts: {
    readonly tunnels: TunnelReader
    readonly invitations: InvitationWrites
    readonly writes: TunnelWrites
    readonly dormant: DormantWrites
    readonly deleted: DeletedTable
    readonly heldEnds: HeldEndWrites
    readonly notices: NoticeWrites
    readonly proofs: ProofTable
    readonly links: IndexAllocation<Assignment>
    readonly routed: IndexAllocation<Prefix> | undefined
    readonly routedWrites: RoutedWrites
  }) {
    this.tunnels = parts.tunnels
    this.invitations = parts.invitations
    this.#writes = parts.writes
    this.#dormant = parts.dormant
    this.#deleted = parts.deleted
    this.#heldEnds = parts.heldEnds
    this.#notices = parts.notices
    this.#proofs = parts.proofs
    this.#links = parts.links
    this.#routed = parts.routed
    this.#routedWrites = parts.routedWrites
    this.#routedChanges = new RoutedChanges({
      tunnels: parts.tunnels,
      writes: parts.routedWrites,
      pool: parts.routed,
      rows: this.rows,
    })
  }

  insert(
    now: number,
    make: (assignment: Assignment) => Tunnel,
    { keyHash, wantsRouted = false }: InsertionOptions,
  ): Insertion {
    for (let attempt = 0; attempt < MAX_INDEX_ATTEMPTS; attempt++) {
      const taken = this.#take(now, wantsRouted)
      if ('kind' in taken) {
        this.wasFull = true
        return taken
      }
      // Kept since the prefix was another one: it could neither come back nor this one sleep.
      if (this.tunnels.dormant.hasDevice(taken.assignment.device)) {
        taken.giveRoutedBack()
        continue
      }
      const tunnel = make(taken.assignment)
      const outcome = this.#insertRow(tunnel, keyHash, taken.giveBack)
      if (outcome === 'inserted') {
        this.#takenBack.push(taken.giveBack)
        this.rows.push({ after: tunnel })
        return { kind: 'inserted', tunnel }
      }
      if (outcome === 'taken') return { kind: 'taken' }
      const { routedPrefix } = taken.assignment
      if (routedPrefix !== undefined && !this.#routedWrites.isHeld(routedPrefix)) taken.giveRoutedBack()
    }
    return { kind: 'full' }
  }

  #take(
    now: number,
    wantsRouted: boolean,
  ):
    | { readonly assignment: Assignment; readonly giveBack: () => void; readonly giveRoutedBack: () => void }
    | Insertion {
    const link = this.#links.take(now)
    if (link === undefined) return { kind: 'full' }
    const giveLinkBack = () => this.#links.untake(link.index)
    if (!wantsRouted)
      return { assignment: link.assignment, giveBack: giveLinkBack, giveRoutedBack: () => undefined }
    const routed = this.#routed?.take(now)
    if (routed === undefined) {
      giveLinkBack()
      return { kind: 'routed-full' }
    }
    const giveRoutedBack = () => this.#routed?.untake(routed.index)
    const giveBack = () => {
      giveRoutedBack()
      giveLinkBack()
    }
    return { assignment: { ...link.assignment, routedPrefix: routed.assignment }, giveBack, giveRoutedBack }
  }

  activate(tunnel: Tunnel, since: number, waitUntil: number | undefined): Tunnel | undefined {
    if (!this.#writes.activate(tunnel.id, since, waitUntil)) return undefined
    const after = { ...tunnel, unreachable: 0, stateSince: since, waitUntil }
    this.rows.push({ before: tunnel, after })
    return after
  }

  countAnswered(id: string, since: number): void {
    const before = this.tunnels.byId(id)
    const after = this.#writes.countAnswered(id, since)
    this.#proofs.heard(id)
    if (before !== undefined && after !== undefined) this.rows.push({ before, after })
  }

  countSilent(id: string, since: number): void {
    const after = this.#writes.countSilent(id, since)
    if (after !== undefined)
      this.rows.push({ before: { ...after, unreachable: after.unreachable - 1 }, after })
  }

  moveEndpoint(id: string, ipv4: string, begin: Beginning): Move {
    return this.#change(id, () => this.#writes.moveEndpoint(id, ipv4, begin))
  }

  changeFields(id: string, fields: KindFields, begin: Beginning): Move {
    return this.#change(id, () => this.#writes.changeFields(id, fields, begin))
  }

  changeMtu(id: string, mtu: number | undefined): Move {
    if (this.#dormant.changeMtu(id, mtu)) return 'moved'
    return this.#change(id, () => this.#writes.changeMtu(id, mtu))
  }

  #change(id: string, write: () => Tunnel | undefined): Move {
    const before = this.tunnels.byId(id)
    if (before === undefined) return 'gone'
    try {
      const after = write()
      if (after !== undefined) this.rows.push({ before, after })
      return after === undefined ? 'gone' : 'moved'
    } catch (error) {
      if (storageFaultOf(error) === 'constraint') return 'taken'
      throw error
    }
  }

  giveRouted(id: string, now: number): RoutedChange {
    const change = this.#routedChanges.give(id, now)
    if (change.kind === 'routed-full') this.wasFull = true
    return change
  }

  takeRouted(id: string, now: number): RoutedChange {
    const change = this.#routedChanges.take(id)
    if (change.kind === 'changed')
      this.#restingRouted.push(...(this.#routed?.writeResting(change.before, now) ?? []))
    return change
  }

  undoRouted(id: string): RoutedChange {
    const change = this.#routedChanges.take(id)
    if (change.kind === 'changed') this.#unused.push(change.before)
    return change
  }

  exchangeEndpoints(id: string, otherId: string, begin: Beginning): boolean {
    const [one, other] = [this.tunnels.byId(id), this.tunnels.byId(otherId)]
    if (one?.ipv4Client === undefined || other?.ipv4Client === undefined) return false
    this.#writes.clearEndpoint(otherId) // no two rows have one endpoint, not for a moment
    const moved = this.#writes.moveEndpoint(id, other.ipv4Client, begin)
    const left = this.#writes.giveEndpoint(otherId, one.ipv4Client)
    if (moved !== undefined) this.rows.push({ before: one, after: moved })
    if (left !== undefined) this.rows.push({ before: other, after: left })
    this.#proofs.endpointGiven(otherId)
    return true
  }

  replaceKey(id: string, key: NewKey): boolean {
    this.#proofs.keep(id, key)
    return this.#writes.replaceKey(id, key.keyHash) || this.#dormant.replaceKey(id, key.keyHash)
  }

  noteKeySeen(id: string, keyHash: Uint8Array): void {
    this.#proofs.seen(id, keyHash)
  }

  keepLink(id: string, link: { readonly tokenHash: Uint8Array; readonly until: number }): void {
    this.#proofs.keepLink(id, link)
  }

  dropLinks(id: string): void {
    this.#proofs.dropLinks(id)
  }

  dropOldProofs(now: number): void {
    this.#proofs.dropOld(now)
    this.#deleted.dropOld(now)
  }

  keepDeleted(id: string, times: { readonly now: number; readonly until: number }): void {
    this.#deleted.keep(id, times)
  }

  remove(id: string, now: number): Tunnel | BrokenRow | undefined {
    return this.#removed(this.#writes.remove(id), now) ?? this.removeDormant(id, now)
  }

  removeDormant(id: string, now: number): Tunnel | BrokenRow | undefined {
    return this.#removed(this.#dormant.drop(id), now)
  }

  fallAsleep(id: string, dormancy: Dormancy): Tunnel | BrokenRow | undefined {
    try {
      this.#dormant.keep(id, dormancy)
    } catch (error) {
      if (storageFaultOf(error) !== 'constraint') throw error
      return undefined
    }
    const before = this.#writes.remove(id)
    if (before !== undefined) this.rows.push({ before })
    return before
  }

  holdEnds(ends: HeldEnds): number {
    return this.#heldEnds.hold(ends)
  }

  suspendDormant(id: string, since: number): boolean {
    return this.#dormant.suspend(id, since)
  }

  setContact(id: string, contact: Contact | undefined): void {
    this.#notices.setContact(id, contact)
  }

  notify(id: string, occasion: ToldOccasion, since: number): void {
    if (this.#notices.notify(id, occasion, since)) this.hasNotices = true
  }

  part(id: string, way: WayName): void {
    if (this.#notices.part(id, way)) this.hasNotices = true
  }

  ask(id: string, occasion: 'confirm' | 'recover', way: WayName): void {
    if (this.#notices.ask(id, occasion, way)) this.hasNotices = true
  }

  dropNotice(number: number, isTold: boolean): void {
    this.#notices.drop(number, isTold)
  }

  deferNotice(number: number, nextTry: number): void {
    this.#notices.defer(number, nextTry)
  }

  postponeNotice({ number }: Pick<Notice, 'number'>, nextTry: number): void {
    this.#notices.postpone(number, nextTry)
  }

  setNote(id: string, note: string): void {
    this.#writes.setNote(id, note)
  }

  wake(id: string, { key, ...row }: Awakening): Waking {
    if (this.tunnels.dormant.byId(id) === undefined) return { kind: 'gone' }
    try {
      this.#dormant.restore(id, row)
    } catch (error) {
      if (storageFaultOf(error) === 'constraint') return { kind: 'taken' }
      throw error
    }
    if (key !== undefined) this.replaceKey(id, key)
    const tunnel = this.tunnels.byId(id)
    if (tunnel === undefined) return { kind: 'gone' }
    this.rows.push({ after: tunnel })
    return { kind: 'woken', tunnel }
  }

  /** After COMMIT. */
  committed(): void {
    this.#links.rest(this.#resting)
    this.#routed?.rest(this.#restingRouted)
    for (const row of this.#unused) this.#routed?.release(row)
  }

  /** After ROLLBACK. */
  undone(): void {
    this.#routedChanges.undone()
    for (const giveBack of this.#takenBack.reverse()) giveBack()
  }

  #removed(before: Tunnel | BrokenRow | undefined, now: number): Tunnel | BrokenRow | undefined {
    if (before === undefined) return undefined
    this.#resting.push(...this.#links.writeResting(before, now))
    this.#restingRouted.push(...(this.#routed?.writeResting(before, now) ?? []))
    this.rows.push({ before })
    return before
  }

  #insertRow(
    tunnel: Tunnel,
    keyHash: Uint8Array,
    giveBack: () => void,
  ): 'inserted' | 'taken' | 'addresses-taken' {
    try {
      this.#writes.insert(tunnel, keyHash)
      return 'inserted'
    } catch (error) {
      if (storageFaultOf(error) === 'constraint') {
        // A row that another program wrote has these addresses: they stay taken, and the next index is tried.
        if (!this.#isTaken(tunnel)) return 'addresses-taken'
        giveBack()
        return 'taken'
      }
      giveBack()
      throw error
    }
  }

  #isTaken({ ipv4Client, nicname, country, kind: { publicKey } }: Tunnel): boolean {
    if (publicKey !== undefined && this.tunnels.idByPublicKey(publicKey) !== undefined) return true
    if (ipv4Client !== undefined && this.tunnels.idByEndpoint(ipv4Client) !== undefined) return true
    return this.tunnels.idByName(nicname, country) !== undefined
  }
}
