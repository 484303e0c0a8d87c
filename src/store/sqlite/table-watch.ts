import type { Database } from './database.ts'

const POLL_INTERVAL_MS = 200

/**
 * Notices that another program, such as the sqlite3 shell, has committed to the database: `PRAGMA data_version`
 * changes then and only then, and costs microseconds to read.
 */
export class TableWatch {
  readonly #timer: NodeJS.Timeout
  #seen: number

  constructor(database: Database, onForeignCommit: () => void) {
    this.#seen = database.dataVersion()
    this.#timer = setInterval(() => {
      const version = database.dataVersion()
      if (version === this.#seen) return
      this.#seen = version
      onForeignCommit()
    }, POLL_INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
