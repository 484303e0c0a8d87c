import type { Rrset } from './rrset.ts'

/** One step of a commit. */
export type RrsetChange =
  /** Replaces the rrset of that owner and type. A dynamic one may not replace a static one: zone files win. */
  | { readonly kind: 'put'; readonly rrset: Rrset; readonly dynamic?: boolean }
  | { readonly kind: 'remove'; readonly owner: Uint8Array; readonly type: number }

export function ownerOf(change: RrsetChange): Uint8Array {
  return change.kind === 'put' ? change.rrset.owner : change.owner
}

export function typeOf(change: RrsetChange): number {
  return change.kind === 'put' ? change.rrset.type : change.type
}
