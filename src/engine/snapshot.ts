import type { Rrset } from '../zone/rrset.ts'

/** One version of all zones, held until it is released, whatever is committed meanwhile. */
export interface Snapshot extends Disposable {
  /**
   * Rrsets of a zone in canonical order, strictly after the owner `after`: owners whole, so the result may be a little
   * longer than `limit`. Empty at the end, or where the zone is not served.
   */
  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[]
  /** Exactly this owner and type. */
  rrset(owner: Uint8Array, type: number): Rrset | undefined
  release(): void
}
