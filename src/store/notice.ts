import type { WayName } from '../tunnel/contact.ts'

/**
 * What an owner is told. `confirm`: the question whether notices may come; `recover`: the link to a new key that was asked
 * for. `renewed`: the tunnel has a new key; `parted`: its owner is told elsewhere, or nowhere; `removed`: it was deleted with
 * its key: three that a thief of the key might have done. The others: what has become of the tunnel, or will.
 */
export type Occasion =
  | 'confirm'
  | 'recover'
  | 'dormant'
  | 'ending'
  | 'ended'
  | 'suspended'
  | 'resumed'
  | 'deleted'
  | 'renewed'
  | 'parted'
  | 'removed'

/** Occasions of the tunnel, told by all ways that are confirmed. */
export type ToldOccasion = Exclude<Occasion, 'confirm' | 'recover' | 'parted'>

/** A notice that waits in the database until the other side has taken it. What it says of its tunnel outlives that. */
export interface Notice {
  readonly number: number
  readonly tunnelId: string
  readonly occasion: Occasion
  readonly way: WayName
  readonly target: string
  /** BCP 47. */
  readonly language: string
  readonly nicname: string
  readonly country: string
  /** UTC seconds at which the state began that it tells of. */
  readonly since: number
  /** Seconds of the steady clock. */
  readonly made: number
  /** How often it was tried. */
  readonly failures: number
}

/** Look-ups of the notices that wait. */
export interface NoticeReader {
  /** Those of a way whose next try is due at `steady` (seconds of the steady clock), the longest due first; at most `limit`. */
  due(way: WayName, steady: number, limit: number): readonly Notice[]
  /** Those of a tunnel, of each way. */
  of(tunnelId: string): readonly Notice[]
  /** How many wait; those of one way alone, if it is given. */
  count(way?: WayName): number
}
