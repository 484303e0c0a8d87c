import type { Database } from './database.ts'

/** Secrets of this server that outlast a start, by name. */
export class SecretTable {
  readonly #database: Database
  readonly #get: ReturnType<Database['prepare']>
  readonly #keep: ReturnType<Database['prepare']>

  constructor(database: Database) {
    this.#database = database
    this.#get = database.prepare('SELECT value FROM secrets WHERE name = ?')
    this.#keep = database.prepare(
      'INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    )
  }

  get(name: string): string | undefined {
    const row = this.#get.get(name)
    return row === undefined ? undefined : String(row.value)
  }

  keep(name: string, value: string): void {
    this.#database.transaction(() => this.#keep.run(name, value))
  }
}
