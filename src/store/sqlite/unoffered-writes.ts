import type { UnofferedEnds } from '../tunnel-store.ts'
import type { BrokenRows } from './broken-rows.ts'
import type { Database, Statement } from './database.ts'
import { type RowRules, unofferedKinds } from './row-rules.ts'

/** Rows of each table that are moved in one transaction: some milliseconds. */
const MOVED_IN_ONE = 1000

/** Keeps the ends of rows away that nobody can come back to: their kind is not offered, or they are broken. */
export class UnofferedWrites {
  readonly #kinds: string
  readonly #broken: BrokenRows
  readonly #holdWaiting: Statement
  readonly #holdDormant: Statement

  constructor(
    database: Database,
    { rules, broken }: { readonly rules: RowRules; readonly broken: BrokenRows },
  ) {
    this.#kinds = unofferedKinds(rules)
    this.#broken = broken
    const isHeld = 'kind IN (SELECT value FROM json_each(?3)) OR id IN (SELECT value FROM json_each(?4))'
    this.#holdWaiting = database.prepare(
      `UPDATE tunnels SET wait_until = ?1 WHERE id IN (
         SELECT id FROM tunnels WHERE wait_until < ?2 AND (${isHeld}) LIMIT ${MOVED_IN_ONE})`,
    )
    this.#holdDormant = database.prepare(
      `UPDATE dormant SET until = ?1 WHERE id IN (
         SELECT id FROM dormant WHERE until < ?2 AND (${isHeld}) LIMIT ${MOVED_IN_ONE})`,
    )
  }

  hold({ waiting, dormant }: UnofferedEnds): number {
    const held = [this.#kinds, JSON.stringify(this.#broken.ids)] as const
    const slept = this.#holdDormant.run(dormant.to, dormant.before, ...held).changes
    if (waiting === undefined) return Number(slept)
    return Number(slept) + Number(this.#holdWaiting.run(waiting.to, waiting.before, ...held).changes)
  }
}
