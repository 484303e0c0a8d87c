import type { Log } from '../../shared/log.ts'
import type { BrokenRow } from '../../tunnel/tunnel.ts'

/** The broken rows that reads have met. Each is named in the log once, and again when it is broken otherwise. */
export class BrokenRows {
  readonly #log: Log
  readonly #byId = new Map<string, BrokenRow>()

  constructor(log: Log) {
    this.#log = log
  }

  get ids(): readonly string[] {
    return [...this.#byId.keys()]
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  note(row: BrokenRow): void {
    const known = this.#byId.get(row.id)
    this.#byId.set(row.id, row)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(row)) return
    this.#log.error(
      { tunnel: row.id, reason: row.reason, columns: row.columns },
      'a row of the database is broken: it is left out until it is mended or deleted',
    )
  }

  /** Forgets a row that is gone or sound again. */
  forget(id: string): void {
    if (this.#byId.size > 0) this.#byId.delete(id)
  }
}
