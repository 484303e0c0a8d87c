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
