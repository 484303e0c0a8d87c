import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTroubles, troubleCodeOf } from '../storage-troubles.ts'
import type { Database } from './database.ts'
import { hasRoom } from './file-mended.ts'
import type { WalWatch } from './wal-watch.ts'

const POLL_INTERVAL_MS = 200
/** Where the database could not be written, how often it is tried whether it still can't. */
const TRIAL_MS = 2000

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
  readonly #tryWriting: () => Promise<boolean>
  #triedAt = 0
  #seen: number

  constructor(parts: {
    readonly database: Database
    readonly wal: WalWatch
    readonly troubles: StorageTroubles
    readonly onForeignCommit: () => void
    /** Writes something small; returns whether that could be done. Never rejects. */
    readonly tryWriting: () => Promise<boolean>
  }) {
    this.#database = parts.database
    this.#wal = parts.wal
    this.#troubles = parts.troubles
    this.#onForeignCommit = parts.onForeignCommit
    this.#tryWriting = parts.tryWriting
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
      this.#lookForTheEnd()
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

  /** Nobody else may write for hours, and the trouble would outlast the lock, or the full disk. */
  #lookForTheEnd(): void {
    const isLocked = this.#troubles.has('lock')
    const isTroubled = this.#troubles.has('write')
    if ((!isLocked && !isTroubled) || performance.now() - this.#triedAt < TRIAL_MS) return
    this.#triedAt = performance.now()
    const isRoomy = hasRoom(this.#database.file)
    if (isLocked || isRoomy) void this.#try(isTroubled && isRoomy)
  }

  async #try(isForWrites: boolean): Promise<void> {
    if ((await this.#tryWriting()) && isForWrites) this.#troubles.end('write')
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
