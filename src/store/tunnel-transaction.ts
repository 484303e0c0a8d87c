import type { Assignment } from '../tunnel/address-pool.ts'
import type { Contact, WayName } from '../tunnel/contact.ts'
import type { BrokenRow, Dormancy, KindFields, Tunnel } from '../tunnel/tunnel.ts'
import type { RrsetChange } from '../zone/rrset-change.ts'
import type { InvitationWrites } from './invitations.ts'
import type { Notice, ToldOccasion } from './notice.ts'
import type { TunnelReader } from './tunnel-reader.ts'
import type { NewKey } from './unseen-key.ts'

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
  /** Takes back what was given to a tunnel and never routed to it: it is free at once, for nobody has used it. */
  undoRouted(id: string): RoutedChange
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
  /** Forgets unseen keys, links and deleted tunnels that are over at `now`, in seconds of the steady clock. */
  dropOldProofs(now: number): void
  /**
   * Keeps what a row was, that its owner deletes, and the hash of its key: until then, in seconds of the steady clock. To be
   * called while the row is there.
   */
  keepDeleted(id: string, times: { readonly now: number; readonly until: number }): void
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
