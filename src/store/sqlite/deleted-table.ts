import type { DeletedReader, DeletedTunnel } from '../tunnel-reader.ts'
import type { Database, Statement } from './database.ts'
import { DORMANT_COLUMNS } from './dormant-table.ts'
import { COLUMNS, type Columns, type RowRules, readRow, SELECTED } from './row-rules.ts'

const NAMES = COLUMNS.split(', ')
/** The oldest are forgotten beyond this: they take half a kilobyte each. */
const MAX_KEPT = 4096

/** Tunnels that their owners have deleted just now, as they were. What writes is to be called inside a transaction. */
export class DeletedTable implements DeletedReader {
  readonly #rules: RowRules
  readonly #byId: Statement
  readonly #awake: Statement
  readonly #asleep: Statement
  readonly #keep: Statement
  readonly #dropOld: Statement
  readonly #dropSurplus: Statement

  constructor(database: Database, rules: RowRules) {
    this.#rules = rules
    this.#byId = database.prepare('SELECT key_hash, columns FROM deleted_tunnels WHERE id = ? AND until >= ?')
    this.#awake = database.prepare(`SELECT key_hash, ${SELECTED} FROM tunnels WHERE id = ?`)
    this.#asleep = database.prepare(`SELECT key_hash, ${DORMANT_COLUMNS} FROM dormant WHERE id = ?`)
    for (const rows of [this.#awake, this.#asleep]) rows.setReturnArrays(true)
    this.#keep = database.prepare(
      'INSERT OR REPLACE INTO deleted_tunnels (id, key_hash, columns, until) VALUES (?, ?, ?, ?)',
    )
    // The oldest have the smallest numbers: no index by time is needed, nor a look at those that stay.
    this.#dropOld = database.prepare(
      `DELETE FROM deleted_tunnels WHERE number <
         ifnull((SELECT number FROM deleted_tunnels WHERE until >= ? ORDER BY number LIMIT 1), 9223372036854775807)`,
    )
    this.#dropSurplus = database.prepare(
      'DELETE FROM deleted_tunnels WHERE number <= (SELECT max(number) FROM deleted_tunnels) - ?',
    )
  }

  byId(id: string, now: number): DeletedTunnel | undefined {
    const kept = this.#byId.get(id, now)
    if (!(kept?.key_hash instanceof Uint8Array)) return undefined
    return { keyHash: kept.key_hash, row: readRow(columnsIn(String(kept.columns)), this.#rules) }
  }

  /** Keeps a row, a dormant one too, that goes in this transaction; in seconds of the steady clock. */
  keep(id: string, { now, until }: { readonly now: number; readonly until: number }): void {
    this.dropOld(now)
    const row = this.#awake.get(id) ?? this.#asleep.get(id)
    const [keyHash, ...columns] = (row ?? []) as unknown as Columns
    if (!(keyHash instanceof Uint8Array)) return
    this.#keep.run(id, keyHash, textOf(columns), until)
    this.#dropSurplus.run(MAX_KEPT)
  }

  /** Forgets those whose time is over at `now`, in seconds of the steady clock. */
  dropOld(now: number): void {
    this.#dropOld.run(now)
  }
}

/** By name: another version may have other columns, or another order of them. */
function textOf(columns: Columns): string {
  return JSON.stringify(Object.fromEntries(NAMES.map((name, at) => [name, columns[at]])))
}

/** What was edited by hand is no row: what is read of it is broken. */
function columnsIn(text: string): Columns {
  try {
    const byName: unknown = JSON.parse(text)
    const values = new Map(Object.entries(Object(byName)))
    return NAMES.map(name => values.get(name) ?? null)
  } catch {
    return []
  }
}
