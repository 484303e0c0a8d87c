import type { Contact } from '../tunnel/contact.ts'
import type { BrokenRow, DormantTunnel, Tunnel } from '../tunnel/tunnel.ts'
import type { NoticeReader } from './notice.ts'
import type { ProofReader } from './unseen-key.ts'

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

/** A tunnel that its owner has deleted, as it was: a row that the configuration has no room for any more is broken. */
export interface DeletedTunnel {
  readonly row: Tunnel | BrokenRow
  readonly keyHash: Uint8Array
}

/** Look-ups of tunnels that their owners have deleted just now, for who asks again. */
export interface DeletedReader {
  /** `now`: seconds of the steady clock. */
  byId(id: string, now: number): DeletedTunnel | undefined
}

/** Look-ups of tunnels. Only sound rows are tunnels; broken ones are in `brokenRows`. */
export interface TunnelReader {
  readonly dormant: DormantReader
  readonly deleted: DeletedReader
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
