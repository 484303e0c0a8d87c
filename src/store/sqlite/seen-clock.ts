import type { Database, Statement } from './database.ts'

/**
 * The time of the last commit, kept in the database. What passed between it and the first commit of the next process, by
 * the wall clock, is nobody's fault among the clients: the process was down or could not write, or the clock was set. All
 * ends move by that.
 */
export class SeenClock {
  readonly #seen: Statement
  readonly #note: Statement
  readonly #moveWaiting: Statement
  readonly #moveDormant: Statement
  readonly #moveNotices: Statement
  readonly #moveUnseenKeys: Statement
  readonly #moveDeleted: Statement
  readonly #moveLinks: Statement
  readonly #moveResting: readonly Statement[]
  #hasResumed = false

  constructor(database: Database) {
    this.#seen = database.prepare('SELECT seen FROM clock')
    this.#note = database.prepare('UPDATE clock SET seen = ? WHERE seen <> ?')
    this.#moveWaiting = database.prepare(
      'UPDATE tunnels SET wait_until = max(0, wait_until + ?) WHERE wait_until IS NOT NULL',
    )
    this.#moveDormant = database.prepare('UPDATE dormant SET until = until + ?')
    this.#moveUnseenKeys = database.prepare('UPDATE unseen_keys SET until = until + ?')
    this.#moveDeleted = database.prepare('UPDATE deleted_tunnels SET until = until + ?')
    // A link that was asked for before a long stop is nothing that anybody waits for: it ages. A clock that was set back
    // makes none last longer.
    this.#moveLinks = database.prepare('UPDATE recovery_links SET until = until + min(0, ?)')
    // Caches forget while a server is down, too.
    this.#moveResting = ['resting_indexes', 'resting_routed_prefixes'].map(table =>
      database.prepare(`UPDATE ${table} SET free_from = free_from + min(0, ?)`),
    )
    this.#moveNotices = database.prepare(
      "UPDATE notices SET made = made + ?1, next_try = next_try + ?1 WHERE occasion <> 'recover'",
    )
  }

  /**
   * Writes down, at the beginning of a transaction, that it is `now` (seconds of the steady clock). The first one of the
   * process moves all ends by what has passed since the last commit: they are as far away as they were then.
   */
  note(now: number): void {
    if (!this.#hasResumed) this.#resume(now)
    this.#note.run(now, now)
  }

  /** After COMMIT: a transaction that was rolled back has moved nothing. */
  committed(): void {
    this.#hasResumed = true
  }

  #resume(now: number): void {
    const seen = Number(this.#seen.get()?.seen)
    if (seen === 0 || seen === now) return
    this.#moveWaiting.run(now - seen)
    this.#moveDormant.run(now - seen)
    this.#moveNotices.run(now - seen)
    this.#moveUnseenKeys.run(now - seen)
    this.#moveDeleted.run(now - seen)
    this.#moveLinks.run(now - seen)
    for (const move of this.#moveResting) move.run(now - seen)
  }
}
