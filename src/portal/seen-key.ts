import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { SignIns } from './sign-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'

export interface SeenKeyParts {
  readonly lifecycle: Pick<Lifecycle, 'proofs'>
  readonly signIns: Pick<SignIns, 'signOutOthers'>
  readonly events: Pick<TunnelEvents, 'endOverdue'>
}

/**
 * Notes that a tunnel's new key has left for its owner. What was shown for it is void from now on, and so is what was
 * opened with that while the key was on its way: all sessions but those of the browser that gets the key.
 */
export function noteKeySeen(
  { lifecycle, signIns, events }: SeenKeyParts,
  {
    id,
    key,
    tokens = [],
  }: { readonly id: string; readonly key: string; readonly tokens?: readonly string[] },
): void {
  if (!lifecycle.proofs.seen(id, key)) return
  signIns.signOutOthers(id, tokens)
  events.endOverdue(id)
}
