import type { Log } from '../../shared/log.ts'
import type { BrokenRow } from '../../tunnel/tunnel.ts'

/** Rows that the log names at a time: where the configuration does not fit the table they may be all of it. */
const MOST_NAMED = 100

/** The broken rows that reads have met. Each is named in the log once, and again when it is broken otherwise. */
export class BrokenRows {
  readonly #log: Log
  #hasToldOfMore = false
  readonly #byId = new Map<string, BrokenRow>()

  constructor(log: Log) {
    this.#log = log
  }

  get size(): number {
    return this.#byId.size
  }

  get ids(): readonly string[] {
    return [...this.#byId.keys()]
  }

  /** As they were when they were met. */
  get rows(): Iterable<BrokenRow> {
    return this.#byId.values()
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  note(row: BrokenRow): void {
    const known = this.#byId.get(row.id)
    this.#byId.set(row.id, row)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(row)) return
    if (this.#byId.size > MOST_NAMED) this.#tellOfMore()
    else
      this.#log.error(
        { tunnel: row.id, reason: row.reason, columns: row.columns },
        'a row of the database is broken: it is left out until it is mended or deleted',
      )
  }

  #tellOfMore(): void {
    if (this.#hasToldOfMore) return
    this.#hasToldOfMore = true
    this.#log.error(
      { named: MOST_NAMED },
      'more rows of the database are broken than are named here: `tunnel list` names them all, and if the configuration was changed, they are sound again with the former one',
    )
  }

  /** Forgets a row that is gone or sound again. */
  forget(id: string): void {
    if (this.#byId.size > 0) this.#byId.delete(id)
  }
}
