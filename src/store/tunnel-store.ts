import type { BrokenRow, Tunnel } from '../tunnel/tunnel.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { RrsetDifference } from '../zone/rrset-difference.ts'
import type { ZoneDifference } from '../zone/zone-difference.ts'
import type { InvitationReader } from './invitations.ts'
import type { JournalReader } from './journal.ts'
import type { StorageTrouble } from './storage-troubles.ts'
import type { TunnelReader } from './tunnel-reader.ts'
import type { Work } from './tunnel-transaction.ts'

export interface CommitOptions {
  /** Whether the work may wait a few milliseconds for more of its kind, if such came in a crowd lately. */
  readonly mayWait?: boolean
  /**
   * Whether another commit is to follow before anybody is told: this one does not wait for the disk, unless others in it
   * do. It survives the end of the process at once, and a power cut from the next commit on, or from `settle`.
   */
  readonly isFollowed?: boolean
}

export interface RowDifference {
  readonly before?: Tunnel | BrokenRow
  readonly after?: Tunnel
}

export interface SerialStep {
  /** In wire form. */
  readonly apex: Uint8Array
  /** 0 if the zone is new. */
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
   * Does the work in the next transaction, with whatever else comes in: durable and answered in DNS when this resolves
   * (see `isFollowed`).
   * Rejects if it failed (`storageFaultOf` says why): then nothing is done.
   */
  commit<Outcome>(work: Work<Outcome>, options?: CommitOptions): Promise<Outcome>
  /** Resolves when all that was committed until now survives a power cut; if the disk can't say so, that is noted as a fault. */
  settle(): Promise<void>
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
  /** Octets of the log that commits are written to before they are in the database; 0 if there is none. */
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
