import type { Assignment } from '../tunnel/address-pool.ts'
import type { BrokenRow, Tunnel } from '../tunnel/tunnel.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { RrsetChange } from '../zone/rrset-change.ts'
import type { RrsetDifference } from '../zone/rrset-difference.ts'
import type { StorageTrouble } from './storage-troubles.ts'

declare const CURSOR: unique symbol
/** How far a walk over the table has come; its meaning is the store's. */
export type Cursor = number & { readonly [CURSOR]: true }

export interface TableSlice<T> {
  readonly rows: readonly T[]
  /** What the next call wants; undefined at the end. */
  readonly next: Cursor | undefined
}

/** Look-ups of tunnels. Only sound rows are tunnels; broken ones are in `brokenRows`. */
export interface TunnelReader {
  byId(id: string): Tunnel | undefined
  byName(nicname: string, country: string): Tunnel | undefined
  byIpv6Client(address: Uint8Array): Tunnel | undefined
  /** The id of the row, sound or broken, that has a name; undefined: it is free. */
  idByName(nicname: string, country: string): string | undefined
  /** The same for an IPv4 endpoint in canonical text. */
  idByEndpoint(ipv4: string): string | undefined
  /** Whether the key opens the tunnel; takes as long for an id that does not exist. */
  keyMatches(id: string, key: string): boolean
  /** Rows, broken ones too. */
  count(): number
  /** How many rows are new, active, unreachable. */
  countByState(): { readonly new: number; readonly active: number; readonly unreachable: number }
  /** At most `limit` tunnels with ids after `id`, in order of id. */
  after(id: string, limit: number): readonly Tunnel[]
  /** The tunnels among the next `limit` rows, in the order in which they are stored, from the start if `from` is not given. */
  slice(from: Cursor | undefined, limit: number): TableSlice<Tunnel>
  /** Tunnels whose interface is still to be made (the draft's −1), the oldest first. */
  newTunnels(): readonly Tunnel[]
  /** Tunnels that are to be probed: those with an interface; the address in canonical text. */
  probeTargets(): readonly { readonly id: string; readonly ipv6Client: string }[]
  /** Tunnels that missed more than `threshold` echoes in a row. */
  overThreshold(threshold: number): readonly Tunnel[]
  /** The broken rows that reads have met and that are still there. */
  brokenRows(): readonly BrokenRow[]
  brokenById(id: string): BrokenRow | undefined
}

export type Insertion =
  | { readonly kind: 'inserted'; readonly tunnel: Tunnel }
  /** Another row has the endpoint or the name. */
  | { readonly kind: 'taken' }
  /** No index is free. */
  | { readonly kind: 'full' }

export type Move = 'moved' | 'taken' | 'gone'

/** What works write through, inside the transaction that they share. Reads see what was written before. */
export interface TunnelTransaction {
  readonly tunnels: TunnelReader
  /** Takes the lowest free index and inserts what `make` builds for its addresses. `now` is in UTC seconds. */
  insert(now: number, make: (assignment: Assignment) => Tunnel, keyHash: Uint8Array): Insertion
  /** −1 → 0: the tunnel as it is now; undefined: it is gone or was active already. */
  activate(tunnel: Tunnel): Tunnel | undefined
  /** x → 0. */
  countAnswered(id: string): void
  /** x → x + 1, for tunnels with an interface. */
  countSilent(id: string): void
  moveEndpoint(id: string, ipv4: string): Move
  /** Deletes a row, sound or broken, and lets its index rest. Undefined: there is none. */
  remove(id: string, now: number): Tunnel | BrokenRow | undefined
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

export interface RowDifference {
  readonly before?: Tunnel | BrokenRow
  readonly after?: Tunnel
}

export interface SerialStep {
  /** In wire form. */
  readonly apex: Uint8Array
  readonly from: number
  readonly to: number
}

/** One commit, as all who follow the table see it. */
export interface CommittedDifference {
  readonly serials: readonly SerialStep[]
  readonly rrsets: readonly RrsetDifference[]
  readonly rows: readonly RowDifference[]
}

/** Tunnels, the serials of their zones and the indexes at rest; commits of them, each answered in DNS in the same tick. */
export interface TunnelStore {
  readonly tunnels: TunnelReader
  /**
   * Does the work in the next transaction, with whatever else comes in: durable and answered in DNS when this resolves.
   * Rejects if it failed (`storageFaultOf` says why): then nothing is done.
   */
  commit<Outcome>(work: Work<Outcome>): Promise<Outcome>
  /** Calls `listener` in the tick of each commit; what it throws is logged. Returns how to stop that. */
  onCommitted(listener: (difference: CommittedDifference) => void): () => void
  /** Calls `listener` after another program, such as the sqlite3 shell, has written. Returns how to stop that. */
  onForeignCommit(listener: () => void): () => void
  /** Rebuilds memory from the table, as at start: indexes, the names of all rows in one step, later serials. */
  publishAll(rrsetsOf: (tunnel: Tunnel) => readonly Rrset[]): void
  /** Notes a fault that a reader of the table has met: after a page that can't be right nothing is written any more. */
  noteFault(error: unknown): void
  /** What is wrong with the store now, for the health check; empty: nothing. */
  readonly troubles: readonly StorageTrouble[]
  /** Octets of the log that commits are written to before they are in the database; 0 where there is none. */
  readonly walBytes: number
  /** Writes a whole copy of the table to a file that is not there yet, while commits go on. Rejects if it can't. */
  backUp(file: string): Promise<void>
  /** How many tunnels the address pool has room for. */
  readonly capacity: number
  close(): void
}
