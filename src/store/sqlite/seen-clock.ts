import type { Database, Statement } from './database.ts'

/**
 * The time of the last commit, kept in the database. What passed between it and the start of the next process, by the
 * wall clock, is nobody's fault among the clients: the process was down, or the clock was set. All ends move by that.
 */
export class SeenClock {
  readonly #seen: Statement
  readonly #note: Statement
  readonly #moveWaiting: Statement
  readonly #moveDormant: Statement

  constructor(database: Database) {
    this.#seen = database.prepare('SELECT seen FROM clock')
    this.#note = database.prepare('UPDATE clock SET seen = ? WHERE seen <> ?')
    this.#moveWaiting = database.prepare(
      'UPDATE tunnels SET wait_until = max(0, wait_until + ?) WHERE wait_until IS NOT NULL',
    )
    this.#moveDormant = database.prepare('UPDATE dormant SET until = until + ?')
  }

  /** Writes down, in the transaction of a commit, that it is `now` (seconds of the steady clock). */
  note(now: number): void {
    this.#note.run(now, now)
  }

  /** Moves all ends, as at start, by what has passed since the last commit: they are as far away as they were then. */
  resume(now: number): void {
    const seen = Number(this.#seen.get()?.seen)
    if (seen !== 0 && seen !== now) {
      this.#moveWaiting.run(now - seen)
      this.#moveDormant.run(now - seen)
    }
    this.note(now)
  }
}
