import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTroubles, troubleCodeOf } from '../storage-troubles.ts'
import type { Database } from './database.ts'
import type { WalWatch } from './wal-watch.ts'

const POLL_INTERVAL_MS = 200
/** Where the database was locked, how often it is tried whether it still is. */
const LOCK_TRIAL_MS = 2000

/**
 * Looks five times a second whether another program, such as the sqlite3 shell, has committed to the database
 * (`PRAGMA data_version` changes then and only then), whether its files are still in their place, and whether its log
 * grows without end. Each look costs microseconds; what goes wrong in one is a trouble of the store, and no more.
 */
export class TableWatch {
  readonly #timer: NodeJS.Timeout
  readonly #database: Database
  readonly #wal: WalWatch
  readonly #troubles: StorageTroubles
  readonly #onForeignCommit: () => void
  readonly #tryLock: () => void
  #triedAt = 0
  #seen: number

  constructor(parts: {
    readonly database: Database
    readonly wal: WalWatch
    readonly troubles: StorageTroubles
    readonly onForeignCommit: () => void
    /** Writes something small: what was locked is no trouble any more if it succeeds. */
    readonly tryLock: () => void
  }) {
    this.#database = parts.database
    this.#wal = parts.wal
    this.#troubles = parts.troubles
    this.#onForeignCommit = parts.onForeignCommit
    this.#tryLock = parts.tryLock
    this.#seen = parts.database.dataVersion()
    this.#timer = setInterval(() => this.#look(), POLL_INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    try {
      this.#lookAtFiles()
      this.#lookForCommits()
      this.#wal.look()
      this.#lookAtLock()
      this.#troubles.end('read')
    } catch (error) {
      this.#troubled(error)
    }
  }

  #lookAtFiles(): void {
    const reason = this.#database.missingFile()
    if (reason === undefined) this.#troubles.end('file')
    else this.#troubles.begin('file', { code: 'storage-fault', reason })
  }

  /** Nobody else may write for hours, and the trouble would outlast the lock. */
  #lookAtLock(): void {
    if (!this.#troubles.has('lock') || performance.now() - this.#triedAt < LOCK_TRIAL_MS) return
    this.#triedAt = performance.now()
    this.#tryLock()
  }

  #lookForCommits(): void {
    const version = this.#database.dataVersion()
    if (version === this.#seen) return
    this.#seen = version
    this.#onForeignCommit()
  }

  #troubled(error: unknown): void {
    const fault = storageFaultOf(error)
    const words = error instanceof Error ? error.message : String(error)
    this.#troubles.begin('read', {
      code: (fault && troubleCodeOf(fault)) ?? 'storage-fault',
      reason: `${this.#database.file} can not be read: ${words}`,
    })
  }
}
