import type { Way } from '../tunnel/contact.ts'
import type { Confirmations } from './confirmations.ts'
import type { ContactWishes } from './contact-wishes.ts'
import type { HandoverCounts } from './handover-counts.ts'
import type { RefusedTargets } from './refused-targets.ts'

/** What pages, letters and figures have in common. */
export interface Correspondence {
  readonly wishes: ContactWishes
  readonly confirmations: Confirmations
  readonly handovers: HandoverCounts
  readonly refusedTargets: RefusedTargets
}

/**
 * Why an owner is told nothing where they wanted it: `unreached`: the operator sends nothing there any more; `refused`: the
 * other side takes nothing for that target. Undefined if nothing is known to be wrong.
 */
export function troubleOf(
  { wishes, refusedTargets }: Pick<Correspondence, 'wishes' | 'refusedTargets'>,
  way: Pick<Way, 'kind' | 'target'>,
): 'unreached' | 'refused' | undefined {
  if (!wishes.reaches(way)) return 'unreached'
  return refusedTargets.has(way.kind, way.target) ? 'refused' : undefined
}
