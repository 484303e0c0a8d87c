import { statSync } from 'node:fs'
import type { Log } from '../../shared/log.ts'
import type { Database } from './database.ts'
import { lockHolders } from './lock-holders.ts'

const MIB = 1024 * 1024
/** Three times what the log has between two checkpoints: by then one was hindered, unless a commit was that large. */
const SUSPICIOUS_BYTES = 96 * MIB
/** A checkpoint of this much may take a moment: it is not tried more often. */
const REST_MS = 60_000

/**
 * Watches the write-ahead log grow. A program that keeps a transaction open keeps every page since then in the log,
 * which fills the disk at last: it is named before.
 */
export class WalWatch {
  readonly #database: Database
  readonly #log: Log
  readonly #bound: number
  #lookedAt = -REST_MS
  #isTold = false

  constructor(database: Database, log: Log, { bound = SUSPICIOUS_BYTES }: { readonly bound?: number } = {}) {
    this.#database = database
    this.#log = log
    this.#bound = bound
  }

  /** Octets of the log; 0: there is none. */
  bytes(): number {
    return statSync(`${this.#database.file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Looks whether somebody hinders the checkpoint of a long log. Throws what SQLite throws. */
  look(): void {
    const bytes = this.bytes()
    if (bytes < this.#bound) {
      this.#isTold = false
      return
    }
    if (performance.now() - this.#lookedAt < REST_MS) return
    this.#lookedAt = performance.now()
    if (this.#database.checkpoint() || this.#isTold) return
    this.#isTold = true
    const file = `${this.#database.file}-wal`
    const holders = lockHolders(`${this.#database.file}-shm`)
    this.#log.warn(
      { file, mebibytes: Math.floor(bytes / MIB), processes: holders },
      `another program keeps a transaction of the database open, and its log grows until the disk is full: end it (fuser ${file} names it)`,
    )
  }
}
