import type { Confirmations } from './confirmations.ts'
import type { ContactWishes } from './contact-wishes.ts'

/** What pages and letters have in common. */
export interface Correspondence {
  readonly wishes: ContactWishes
  readonly confirmations: Confirmations
}
