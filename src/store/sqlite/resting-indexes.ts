import type { Resting } from '../../tunnel/index-pool.ts'
import type { Database, Statement } from './database.ts'

/** How much longer than the TTL an index rests, in seconds: caches count from when they asked, clocks differ. */
const MARGIN = 30

/** The pool indexes that were freed a short while ago, kept in the database so that a restart does not wake them. */
export class RestingIndexes {
  readonly #ttl: number
  readonly #add: Statement
  readonly #resting: Statement
  readonly #forget: Statement

  /** `table` is that of the pool; `ttl` is that of the tunnels' records, in seconds. */
  constructor(
    database: Database,
    { table, ttl }: { readonly table: 'resting_indexes' | 'resting_routed_prefixes'; readonly ttl: number },
  ) {
    this.#ttl = ttl
    this.#add = database.prepare(`INSERT OR REPLACE INTO ${table} (pool_index, free_from) VALUES (?, ?)`)
    this.#resting = database.prepare(
      `SELECT pool_index, free_from FROM ${table} WHERE free_from > ? ORDER BY free_from`,
    )
    this.#forget = database.prepare(`DELETE FROM ${table} WHERE free_from <= ?`)
  }

  /** When an index that is freed at `now` (seconds of the steady clock) may be given out again. */
  freeFrom(now: number): number {
    return now + this.#ttl + MARGIN
  }

  add(resting: Resting): void {
    this.#add.run(resting.index, resting.freeFrom)
  }

  /**
   * Those that still rest at `now`, the first to wake first. None rests longer than one that is freed now: a clock that
   * was wrong when it was written down must not take an index away for years.
   */
  load(now: number): readonly Resting[] {
    const latest = this.freeFrom(now)
    return this.#resting.all(now).map(row => ({
      index: Number(row.pool_index),
      freeFrom: Math.min(Number(row.free_from), latest),
    }))
  }

  /** Deletes those that have rested at `now`; to be called inside a transaction. */
  forgetRested(now: number): void {
    this.#forget.run(now)
  }
}
