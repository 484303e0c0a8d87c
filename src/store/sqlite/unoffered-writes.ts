import type { UnofferedEnds } from '../tunnel-store.ts'
import type { Database, Statement } from './database.ts'
import { type RowRules, unofferedKinds } from './row-rules.ts'

/** Rows of each table that are moved in one transaction: some milliseconds. */
const MOVED_IN_ONE = 1000

/** Keeps the ends of rows away whose kind is not offered; to be called inside a transaction. */
export class UnofferedWrites {
  readonly #kinds: string
  readonly #holdWaiting: Statement
  readonly #holdDormant: Statement

  constructor(database: Database, rules: RowRules) {
    this.#kinds = unofferedKinds(rules)
    this.#holdWaiting = database.prepare(
      `UPDATE tunnels SET wait_until = ?1 WHERE id IN (
         SELECT id FROM tunnels WHERE wait_until < ?2 AND kind IN (SELECT value FROM json_each(?3)) LIMIT ?4)`,
    )
    this.#holdDormant = database.prepare(
      `UPDATE dormant SET until = ?1 WHERE id IN (
         SELECT id FROM dormant WHERE until < ?2 AND kind IN (SELECT value FROM json_each(?3)) LIMIT ?4)`,
    )
  }

  hold({ waiting, dormant }: UnofferedEnds): number {
    const slept = this.#holdDormant.run(dormant.to, dormant.before, this.#kinds, MOVED_IN_ONE).changes
    if (waiting === undefined) return Number(slept)
    const waited = this.#holdWaiting.run(waiting.to, waiting.before, this.#kinds, MOVED_IN_ONE).changes
    return Number(slept) + Number(waited)
  }
}
