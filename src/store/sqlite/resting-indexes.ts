import type { Resting } from '../../tunnel/index-pool.ts'
import type { Database, Statement } from './database.ts'
import type { RestLength } from './rest-length.ts'

/** The pool indexes that were freed a short while ago, kept in the database so that a restart does not wake them. */
export class RestingIndexes {
  readonly #length: RestLength
  readonly #add: Statement
  readonly #resting: Statement
  readonly #forget: Statement

  /** `table` is that of the pool. */
  constructor(
    database: Database,
    {
      table,
      length,
    }: { readonly table: 'resting_indexes' | 'resting_routed_prefixes'; readonly length: RestLength },
  ) {
    this.#length = length
    this.#add = database.prepare(`INSERT OR REPLACE INTO ${table} (pool_index, free_from) VALUES (?, ?)`)
    this.#resting = database.prepare(
      `SELECT pool_index, min(free_from, ?1 + free_from - seen) AS free_from FROM ${table}, clock
       WHERE min(free_from, ?1 + free_from - seen) > ?1 ORDER BY free_from`,
    )
    this.#forget = database.prepare(`DELETE FROM ${table} WHERE free_from <= ?`)
  }

  /** When an index that is freed at `now` (seconds of the steady clock) may be given out again. */
  freeFrom(now: number): number {
    return this.#length.freeFrom(now)
  }

  add(resting: Resting): void {
    this.#add.run(resting.index, resting.freeFrom)
  }

  /**
   * Those that still rest at `now`, as at start, the first to wake first. Where the clock was set back since the last commit
   * they rest for as long as they had to at that: a clock that was wrong must not take an index away for years.
   */
  load(now: number): readonly Resting[] {
    return this.#resting.all(now).map(row => ({
      index: Number(row.pool_index),
      freeFrom: Number(row.free_from),
    }))
  }

  /** Deletes those that have rested at `now`; to be called inside a transaction. */
  forgetRested(now: number): void {
    this.#forget.run(now)
  }
}
