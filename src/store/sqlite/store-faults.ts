import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTroubles, troubleCodeOf } from '../storage-troubles.ts'
import type { Database } from './database.ts'
import { Suspicion } from './suspicion.ts'

/** What a fault of the database means for the store: a trouble that is named, and for a page that can't be right a suspicion. */
export class StoreFaults {
  readonly #database: Database
  readonly #troubles: StorageTroubles
  readonly #suspicion: Suspicion

  constructor(database: Database, troubles: StorageTroubles) {
    this.#database = database
    this.#troubles = troubles
    this.#suspicion = new Suspicion(database, troubles)
  }

  /** Why the rows are in this process alone; undefined: a start finds them. */
  get lostTable(): string | undefined {
    return this.#database.missingFile() ?? this.#suspicion.reason
  }

  /** What is no fault of storage is passed over. */
  note(error: unknown): void {
    const fault = storageFaultOf(error)
    const code = fault && troubleCodeOf(fault)
    if (code === undefined) return
    if (fault === 'stopped') {
      // A suspicion is a trouble already; a missing file is one until the watch sees it again.
      const missing = this.#database.missingFile()
      if (missing !== undefined) this.#troubles.begin('file', { code, reason: missing })
      return
    }
    const words = error instanceof Error ? error.message : String(error)
    if (fault === 'corrupt') this.#suspicion.raise(words)
    else
      this.#troubles.begin(fault === 'busy' ? 'lock' : 'write', {
        code,
        reason: `${this.#database.file}: ${words}`,
      })
  }

  /** Something has shown that a page can't be right. */
  suspect(words: string): void {
    this.#suspicion.raise(words)
  }

  close(): void {
    this.#suspicion.close()
  }
}
