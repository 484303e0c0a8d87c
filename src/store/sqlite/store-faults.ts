import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTroubles, troubleCodeOf } from '../storage-troubles.ts'
import type { Database } from './database.ts'

const CORRUPT_REMEDY =
  '. Nothing is written any more: stop freenet6, copy the file away, and put a backup in its place'

/** What a fault of the database means for the store: a trouble that is named, and for a corrupt file no more writes. */
export class StoreFaults {
  readonly #database: Database
  readonly #troubles: StorageTroubles
  /** What was found wrong with the file, in a sentence. */
  #corruption: string | undefined

  constructor(database: Database, troubles: StorageTroubles) {
    this.#database = database
    this.#troubles = troubles
  }

  /** Why the rows are in this process alone; undefined: a start finds them. */
  get lostTable(): string | undefined {
    return this.#database.missingFile() ?? this.#corruption
  }

  /** What is no fault of storage is passed over. */
  note(error: unknown): void {
    const fault = storageFaultOf(error)
    const code = fault && troubleCodeOf(fault)
    if (code === undefined) return
    if (fault === 'stopped') {
      // A corrupt database is a trouble already; a missing file is one until the watch sees it again.
      const missing = this.#database.missingFile()
      if (missing !== undefined) this.#troubles.begin('file', { code, reason: missing })
      return
    }
    const words = error instanceof Error ? error.message : String(error)
    const reason = `${this.#database.file}: ${words}${fault === 'corrupt' ? CORRUPT_REMEDY : ''}`
    if (fault === 'corrupt') {
      this.#corruption ??= reason
      this.#database.stopWrites(reason)
    }
    this.#troubles.begin(fault === 'busy' ? 'lock' : 'write', { code, reason })
  }
}
