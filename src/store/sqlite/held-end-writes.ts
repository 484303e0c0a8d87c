import type { HeldEnds } from '../tunnel-transaction.ts'
import { IS_BROKEN } from './broken-rows.ts'
import type { Database, Statement } from './database.ts'
import { type RowRules, unofferedKinds } from './row-rules.ts'

/** Rows of each table that are moved in one transaction: some milliseconds. */
const MOVED_IN_ONE = 1000

/** Keeps the ends of rows away that can't be used: of a kind that is not offered, or broken. Inside a transaction. */
export class HeldEndWrites {
  readonly #kinds: string
  readonly #holdWaiting: Statement
  readonly #holdDormant: Statement
  readonly #forgetWarned: Statement
  readonly #dropWarnings: Statement

  constructor(database: Database, rules: RowRules) {
    this.#kinds = unofferedKinds(rules)
    const isHeld = `(kind IN (SELECT value FROM json_each(?3)) OR ${IS_BROKEN}(id))`
    this.#holdWaiting = database.prepare(
      `UPDATE tunnels SET wait_until = ?1 WHERE id IN (
         SELECT id FROM tunnels WHERE wait_until < ?2 AND ${isHeld} LIMIT ?4)`,
    )
    this.#holdDormant = database.prepare(
      `UPDATE dormant SET until = ?1 WHERE id IN (
         SELECT id FROM dormant WHERE until < ?2 AND ${isHeld} LIMIT ?4) RETURNING id`,
    )
    const isMoved = 'id IN (SELECT value FROM json_each(?))'
    this.#forgetWarned = database.prepare(
      `UPDATE contacts SET warned_of = NULL WHERE ${isMoved} AND warned_of IS NOT NULL`,
    )
    this.#dropWarnings = database.prepare(`DELETE FROM notices WHERE ${isMoved} AND occasion = 'ending'`)
  }

  hold({ waiting, dormant }: HeldEnds): number {
    const slept = this.#holdSleeps(dormant)
    if (waiting === undefined) return slept
    const waited = this.#holdWaiting.run(waiting.to, waiting.before, this.#kinds, MOVED_IN_ONE).changes
    return slept + Number(waited)
  }

  /** What was said of the near end, or waits to be, is not so any more: the new one is warned of in its time. */
  #holdSleeps({ to, before }: HeldEnds['dormant']): number {
    const moved = this.#holdDormant.all(to, before, this.#kinds, MOVED_IN_ONE)
    const ids = JSON.stringify(moved.map(({ id }) => id))
    this.#forgetWarned.run(ids)
    this.#dropWarnings.run(ids)
    return moved.length
  }
}
