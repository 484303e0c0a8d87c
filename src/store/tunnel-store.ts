import type { Assignment } from '../tunnel/address-pool.ts'
import type { Contact, WayName } from '../tunnel/contact.ts'
import type { BrokenRow, Dormancy, DormantTunnel, KindFields, Tunnel } from '../tunnel/tunnel.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { RrsetChange } from '../zone/rrset-change.ts'
import type { RrsetDifference } from '../zone/rrset-difference.ts'
import type { ZoneDifference } from '../zone/zone-difference.ts'
import type { InvitationReader, InvitationWrites } from './invitations.ts'
import type { JournalReader } from './journal.ts'
import type { Notice, NoticeReader, ToldOccasion } from './notice.ts'
import type { StorageTrouble } from './storage-troubles.ts'
import type { NewKey, ProofReader } from './unseen-key.ts'

declare const CURSOR: unique symbol
/** How far a walk over the table has come; its meaning is the store's. */
export type Cursor = number & { readonly [CURSOR]: true }

export interface TableSlice<T> {
  readonly rows: readonly T[]
  /** What the next call wants; undefined at the end. */
  readonly next: Cursor | undefined
}

/** A part of a walk by id. Broken rows are passed over, so that it may be empty and not the last. */
export interface IdSlice<T> {
  readonly rows: readonly T[]
  /** The id after which the next part begins; undefined at the end. */
  readonly next: string | undefined
}

export interface StateCounts {
  readonly new: number
  readonly waiting: number
  readonly active: number
  readonly unreachable: number
  readonly dormant: number
  readonly suspended: number
  /** Those of a kind that the configuration does not offer, whatever they would be. */
  readonly unoffered: number
  /** Rows that can't be used, whatever they would be. */
  readonly broken: number
}

/** How a country's tunnels fare. */
export interface CountryCount {
  /** ISO 3166-1 alpha-2, lower case, as the rows have it. */
  readonly country: string
  readonly new: number
  readonly waiting: number
  readonly active: number
  readonly unreachable: number
}

/** What some rows that follow each other amount to. */
export interface CountrySlice {
  readonly counts: readonly CountryCount[]
  /** Where the count goes on; undefined: it is complete. */
  readonly next: Cursor | undefined
}

/** A tunnel to probe; its address in canonical text. */
export interface ProbedTunnel {
  readonly id: string
  readonly ipv6Client: string
  /** Whether it has been heard, and answered when it was last counted. */
  readonly answeredLast: boolean
}

/** Look-ups of tunnels that have left the table and may come back. */
export interface DormantReader {
  byId(id: string): DormantTunnel | undefined
  byName(nicname: string, country: string): DormantTunnel | undefined
  /** Those among the next `limit` rows with ids after `id`, in order of id. */
  after(id: string, limit: number): IdSlice<DormantTunnel>
  /** Whether a suspended tunnel has this endpoint, in canonical text. */
  isSuspendedAt(ipv4: string): boolean
  /** Whether the row of another tunnel has what this one's would need there: its name, its device or an address. */
  isInPlaceOf(id: string): boolean
  /** Whether a row, sound or broken, keeps a device. */
  hasDevice(device: string): boolean
  /** Ids of at most `limit` rows whose time is over at `steady` (seconds of the steady clock), without those that can't be used. */
  endedBy(steady: number, limit: number): readonly string[]
  /** Rows; of these `suspended` are so at the operator's wish. */
  count(): number
  countSuspended(): number
}

/** How far away the ends of rows are kept that can't be used, in seconds of the steady clock. */
export interface HeldEnds {
  /** For tunnels that wait for their first sign of life; undefined: none does. */
  readonly waiting: HeldEnd | undefined
  /** For dormant ones. */
  readonly dormant: HeldEnd
}

interface HeldEnd {
  readonly before: number
  readonly to: number
}

/** Look-ups of tunnels. Only sound rows are tunnels; broken ones are in `brokenRows`. */
export interface TunnelReader {
  readonly dormant: DormantReader
  readonly notices: NoticeReader
  readonly proofs: ProofReader
  byId(id: string): Tunnel | undefined
  byName(nicname: string, country: string): Tunnel | undefined
  byIpv6Client(address: Uint8Array): Tunnel | undefined
  /** The id of the row, sound, broken or dormant, that has a name; undefined: it is free. */
  idByName(nicname: string, country: string): string | undefined
  /** The id of the row, sound or broken, that has an IPv4 endpoint, in canonical text; undefined: it is free. */
  idByEndpoint(ipv4: string): string | undefined
  /** The id of the row that has a client's public key; a dormant one keeps it. One that is awake comes first. */
  idByPublicKey(publicKey: string): string | undefined
  /** Whether the key opens the tunnel, a dormant one too; takes as long for an id that does not exist. */
  keyMatches(id: string, key: string): boolean
  /** Where a tunnel's owner is reached; undefined: nobody said. */
  contactOf(id: string): Contact | undefined
  /** What the operator has noted of a tunnel; undefined: nothing. */
  noteOf(id: string): string | undefined
  /** Rows, broken ones too. */
  count(): number
  countByState(): StateCounts
  /**
   * The next `limit` rows by country and state, in the order in which they are stored, from the start if `from` is not
   * given; countries without a row among them are left out.
   */
  countByCountry(from: Cursor | undefined, limit: number): CountrySlice
  /** The tunnels among the next `limit` rows with ids after `id`, in order of id. */
  after(id: string, limit: number): IdSlice<Tunnel>
  /** The tunnels among the next `limit` rows, in the order in which they are stored, from the start if `from` is not given. */
  slice(from: Cursor | undefined, limit: number): TableSlice<Tunnel>
  /** Tunnels whose interface is still to be made (the draft's −1), the oldest first. */
  newTunnels(): readonly Tunnel[]
  /** Those among the next `limit` rows that are to be probed: those with an interface. As a slice goes on. */
  probeTargets(from: Cursor | undefined, limit: number): TableSlice<ProbedTunnel>
  /** Rows that missed more than `threshold` echoes in a row, broken ones too. */
  idsOver(threshold: number): readonly string[]
  /** Rows that wait for their first sign of life, broken ones too. */
  waitingIds(): readonly string[]
  /** Rows that have waited for as long as they may, by `steady` (seconds of the steady clock), broken ones too. */
  idsWaitedOut(steady: number): readonly string[]
  /** How many broken rows reads have met. */
  readonly brokenCount: number
  /** How many rows of a kind that is not offered reads have met. */
  readonly unofferedCount: number
  /** Both that reads have met and that are still there, dormant ones too. */
  brokenRows(): readonly BrokenRow[]
  brokenById(id: string): BrokenRow | undefined
}

export type Insertion =
  | { readonly kind: 'inserted'; readonly tunnel: Tunnel }
  /** Another row has the endpoint or the name. */
  | { readonly kind: 'taken' }
  /** No index is free. */
  | { readonly kind: 'full' }
  /** No prefix is free that could be routed to the tunnel. */
  | { readonly kind: 'routed-full' }

export interface InsertionOptions {
  readonly keyHash: Uint8Array
  /** Whether a prefix is to be routed to the tunnel. */
  readonly wantsRouted?: boolean
}

export type Move = 'moved' | 'taken' | 'gone'

/** What became of a tunnel that was to be given a routed prefix, or to give it back. */
export type RoutedChange =
  | { readonly kind: 'changed'; readonly before: Tunnel; readonly tunnel: Tunnel }
  /** It has one already, or none. */
  | { readonly kind: 'unchanged'; readonly tunnel: Tunnel }
  | { readonly kind: 'gone' | 'routed-full' }

/** With what a dormant tunnel comes back. */
export interface Awakening {
  readonly ipv4: string | undefined
  readonly waitUntil: number | undefined
  /** UTC seconds. */
  readonly since: number
  /** In place of the one that it had. */
  readonly key?: NewKey
  /** In place of the fields of its kind. */
  readonly fields?: KindFields
  /** In place of the operating system that its scripts are for. */
  readonly os?: string
  /** In place of the MTU that it had. */
  readonly mtu?: number
}

/** `taken`: another row has the endpoint or the public key, or was written by hand with its name or address. */
export type Waking = { readonly kind: 'woken'; readonly tunnel: Tunnel } | { readonly kind: 'taken' | 'gone' }

/** What was silent was another address or key: nothing is counted any more, and one that waits has all of its time again. */
export interface Beginning {
  /** UTC seconds. */
  readonly since: number
  /** By the steady clock; undefined: none waits, and who does is not moved. */
  readonly waitUntil: number | undefined
}

/** What works write through, inside the transaction that they share. Reads see what was written before. */
export interface TunnelTransaction {
  readonly tunnels: TunnelReader
  readonly invitations: InvitationWrites
  /** Takes the lowest free index and inserts what `make` builds for its addresses. `now`: seconds of the steady clock. */
  insert(now: number, make: (assignment: Assignment) => Tunnel, options: InsertionOptions): Insertion
  /** −1 → 0: the tunnel as it is now; undefined: it is gone or was up already. `since`: UTC seconds. */
  activate(tunnel: Tunnel, since: number, waitUntil: number | undefined): Tunnel | undefined
  /** x → 0, and it waits no longer; the endpoint that it was heard from is its own. `since`: UTC seconds, if a state begins with it. */
  countAnswered(id: string, since: number): void
  /** x → x + 1, for tunnels with an interface that have been heard. */
  countSilent(id: string, since: number): void
  /** The tunnel begins anew with it. */
  moveEndpoint(id: string, ipv4: string, begin: Beginning): Move
  /** Gives a tunnel other fields of its kind, such as a new public key, with which it begins anew. */
  changeFields(id: string, fields: KindFields, begin: Beginning): Move
  /** Lets a tunnel, a dormant one too, have a smaller MTU than its kind; undefined: that of its kind. */
  changeMtu(id: string, mtu: number | undefined): Move
  /** Routes a free prefix to a tunnel, a dormant one too. `now`: seconds of the steady clock. */
  giveRouted(id: string, now: number): RoutedChange
  /** Takes a tunnel's routed prefix back, and lets it rest. */
  takeRouted(id: string, now: number): RoutedChange
  /**
   * Gives each of two sound rows the endpoint of the other, with which the first begins anew; to the second it is a given
   * one (`isEndpointGiven`). False: one is gone or has none.
   */
  exchangeEndpoints(id: string, otherId: string, begin: Beginning): boolean
  /** Makes another key the one that opens a row, a dormant one too; false: there is no such row. */
  replaceKey(id: string, key: NewKey): boolean
  /** Notes that a key was seen or used: what was shown for it is void, unless another has replaced it by now. */
  noteKeySeen(id: string, keyHash: Uint8Array): void
  /** Keeps a link that makes a new key, until a time of the steady clock. */
  keepLink(id: string, link: { readonly tokenHash: Uint8Array; readonly until: number }): void
  /** Makes all mailed links of a tunnel void. */
  dropLinks(id: string): void
  /** Forgets unseen keys and links that are over at `now`, in seconds of the steady clock. */
  dropOldProofs(now: number): void
  /** Deletes a row, sound, broken or dormant, and lets its index rest. Undefined: there is none. */
  remove(id: string, now: number): Tunnel | BrokenRow | undefined
  /** The same for a dormant row alone: one that is awake by now stays. */
  removeDormant(id: string, now: number): Tunnel | BrokenRow | undefined
  /**
   * Moves a row among the dormant ones; its index stays its own. Undefined: there is none, or another program's row is
   * in its way there, and it stays.
   */
  fallAsleep(id: string, dormancy: Dormancy): Tunnel | BrokenRow | undefined
  /**
   * Moves the ends of some rows that are broken or of a kind that is not offered, if they come `before` those, to the given
   * ones: nobody could be heard or come back. In seconds of the steady clock. Returns how many rows moved; 0: all have.
   */
  holdEnds(ends: HeldEnds): number
  /** Makes a dormant row a suspended one; false: there is none. `since`: UTC seconds. */
  suspendDormant(id: string, since: number): boolean
  /** Notes where a tunnel's owner is reached, in place of what was noted; undefined: nowhere. */
  setContact(id: string, contact: Contact | undefined): void
  /**
   * Has the owner of a tunnel told something by each way that is confirmed, in place of what waits to be told; of a new key
   * beside that. `since`: UTC seconds. To be called while the row is there. An owner who has not yet heard of a suspension is
   * not told of its end.
   */
  notify(id: string, occasion: ToldOccasion, since: number): void
  /** Tells whoever reads at a way that nothing more is told there: to be called while the contact has it. */
  part(id: string, way: WayName): void
  /** Has it asked whether notices may come by a way, or has a link to a new key sent by it. */
  ask(id: string, occasion: 'confirm' | 'recover', way: WayName): void
  /**
   * Forgets a notice. `isTold`: the other side has taken it, or wants none, and its owner counts as told of that sleep, or
   * of its near end.
   */
  dropNotice(number: number, isTold: boolean): void
  /** Notes that a notice could not be handed over, and when it is tried again, in seconds of the steady clock. */
  postponeNotice(notice: Pick<Notice, 'number'>, nextTry: number): void
  /** Has a notice wait until then that can't be told now, through no fault of the way. */
  deferNotice(number: number, nextTry: number): void
  /** Notes something of a tunnel, in place of what was noted; an empty text is none. */
  setNote(id: string, note: string): void
  /** Brings a dormant row back with a count of 0. */
  wake(id: string, row: Awakening): Waking
}

/** What a piece of work has written in the transaction that it shares with others. */
export interface Written<Outcome> {
  readonly outcome: Outcome
  /** What changes in DNS. */
  readonly changes: readonly RrsetChange[]
  /** What follows in memory, in the tick of the commit, once the names are answered. */
  readonly committed?: () => void
  /** Takes back what the work did in memory, if the transaction is rolled back. */
  readonly undone?: () => void
}

/** Writes of one change. It must catch what concerns it alone: what it throws undoes the others' work too. */
export type Work<Outcome> = (transaction: TunnelTransaction) => Written<Outcome>

export interface CommitOptions {
  /** Whether the work may wait a few milliseconds for more of its kind, if such came in a crowd lately. */
  readonly mayWait?: boolean
}

export interface RowDifference {
  readonly before?: Tunnel | BrokenRow
  readonly after?: Tunnel
}

export interface SerialStep {
  /** In wire form. */
  readonly apex: Uint8Array
  /** 0 where the zone is new. */
  readonly from: number
  readonly to: number
}

export interface CommittedStep extends SerialStep {
  /** As the journal holds it; undefined: it does not. */
  readonly difference?: ZoneDifference | undefined
}

/** One commit, as all who follow the table see it. */
export interface CommittedDifference {
  readonly serials: readonly CommittedStep[]
  /** Zone by zone. */
  readonly rrsets: readonly RrsetDifference[]
  readonly rows: readonly RowDifference[]
}

/** Tunnels, the serials of their zones and the indexes at rest; commits of them, each answered in DNS in the same tick. */
export interface TunnelStore {
  readonly tunnels: TunnelReader
  readonly invitations: InvitationReader
  /**
   * Does the work in the next transaction, with whatever else comes in: durable and answered in DNS when this resolves.
   * Rejects if it failed (`storageFaultOf` says why): then nothing is done.
   */
  commit<Outcome>(work: Work<Outcome>, options?: CommitOptions): Promise<Outcome>
  /** Calls `listener` in the tick of each commit; what it throws is logged. Returns how to stop that. */
  onCommitted(listener: (difference: CommittedDifference) => void): () => void
  /** Calls `listener` in the tick of each commit that has somebody told something. Returns how to stop that. */
  onNotices(listener: () => void): () => void
  /** Calls `listener` after another program, such as the sqlite3 shell, has written. Returns how to stop that. */
  onForeignCommit(listener: () => void): () => void
  /** Rebuilds memory from the table, as at start: indexes, the names of all rows in one step, later serials. */
  publishAll(rrsetsOf: (tunnel: Tunnel) => readonly Rrset[]): void
  /**
   * Puts a whole zone of zone files in place of what was served, or beside it. Its serial is that of its file, or later:
   * never before one that it has had. `apex` is in wire form and lower case. Throws what a commit rejects with.
   */
  replaceZone(apex: Uint8Array, rrsets: readonly Rrset[]): void
  /** The log of what commits have changed in the zones. */
  readonly journal: JournalReader
  /** Notes a fault that a reader of the table has met: after a page that can't be right nothing is written any more. */
  noteFault(error: unknown): void
  /** What is wrong with the store now, for the health check; empty: nothing. */
  readonly troubles: readonly StorageTrouble[]
  /** Whether there is no table that could be read, so that nothing is known of any tunnel. */
  readonly isAbsent: boolean
  /**
   * Of a table that could not be read, or not be written, when it was opened: whether it could be opened whole by now. That
   * takes a new store. Undefined: it was opened whole. Never rejects.
   */
  readonly isMended: ((signal: AbortSignal) => Promise<boolean>) | undefined
  /**
   * A sentence that says why the database's file has no longer all that is in memory: it was removed, or can't be read.
   * Undefined: it has, as far as anybody knows.
   */
  readonly lostTable: string | undefined
  /** Octets of the log that commits are written to before they are in the database; 0 where there is none. */
  readonly walBytes: number
  /** A secret that is kept with the tunnels, so that a backup has it; undefined: there is none of this name. */
  secret(name: string): string | undefined
  /** Keeps a secret in place of one of the same name. Throws as a commit rejects. */
  keepSecret(name: string, value: string): void
  /** Writes a whole copy of the table to a file that is not there yet, while commits go on. Rejects if it can't. */
  backUp(file: string): Promise<void>
  /** How many tunnels the address pool has room for. */
  readonly capacity: number
  close(): void
}
