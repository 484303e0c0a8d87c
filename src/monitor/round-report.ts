import type { Log } from '../shared/log.ts'
import { reasonOf } from './reason.ts'

/**
 * What became of a round. Silence was counted in a 'recorded' one alone; in an 'own-outage' the answers were, and in the
 * others nothing.
 */
export interface RoundReport {
  readonly outcome: 'recorded' | 'own-outage' | 'dry-run' | 'failed' | 'stopped'
  readonly targets: number
  readonly answered: number
  readonly silent: number
  readonly unknown: number
  readonly removed: number
}

/** Nobody was counted. */
export const NOTHING = { answered: 0, silent: 0, unknown: 0, removed: 0 }

/** A round that broke off, which is logged. */
export function failedRound(error: unknown, log: Log): RoundReport {
  log.error({ reason: reasonOf(error) }, 'monitor round failed: nothing was counted')
  return { targets: 0, ...NOTHING, outcome: 'failed' }
}
