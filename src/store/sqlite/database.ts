import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { closeToOthers } from '../../shared/private-file.ts'
import { storageFaultOf, WritesStopped } from '../storage-fault.ts'
import { backUp } from './backup.ts'
import { asFault, DatabaseFault } from './database-fault.ts'
import { lockHolders } from './lock-holders.ts'
import { LogSync } from './log-sync.ts'
import { assertNotLost, markAsMade } from './made-mark.ts'
import { migrate } from './migrate.ts'
import { OpenFiles } from './open-files.ts'
import { makeForOwner } from './owner.ts'
import { openPrivateCopy } from './private-copy.ts'

export type Statement = StatementSync

/** The indexes of a hundred thousand tunnels stay in memory: a registration touches a page of each. */
const CACHE_KIB = 65_536
/** 32 MB of log: a page that many commits change is written back once, and a commit seldom waits for that. */
const CHECKPOINT_PAGES = 8192
/** What a large commit has left of the log is given back at the next checkpoint. */
const WAL_BYTES_KEPT = 67_108_864
/** At start alone there is time to wait for another program's lock. */
const PATIENCE_AT_START_MS = 5000

/**
 * The broker's database: one connection, WAL, synchronous=FULL, so that what a commit has said survives a power cut.
 * A second database file beside it holds a lock for as long as this process lives: two brokers can't serve one table,
 * while the sqlite3 shell still can read and edit it.
 */
export class Database {
  readonly file: string
  readonly #connection: DatabaseSync
  readonly #lock: DatabaseSync | undefined
  readonly #dataVersion: Statement
  readonly #checkpoint: Statement
  readonly #files: OpenFiles
  /** Undefined: nothing is written. */
  readonly #log: LogSync | undefined
  #stopped: string | undefined

  private constructor(
    file: string,
    parts: { readonly connection: DatabaseSync; readonly lock?: DatabaseSync; readonly files: OpenFiles },
  ) {
    this.file = file
    this.#connection = parts.connection
    this.#lock = parts.lock
    this.#files = parts.files
    if (parts.lock !== undefined)
      this.#log = new LogSync(`${file}-wal`, { checkpoint: () => this.checkpoint() })
    this.#dataVersion = parts.connection.prepare('PRAGMA data_version')
    this.#checkpoint = parts.connection.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  }

  /**
   * Opens or creates the file and brings its schema up to date. Where its disk is full or read-only, a copy of it is
   * opened for reading: `stopped` says why. Throws DatabaseFault.
   */
  static open(file: string): Database {
    try {
      return Database.#openFile(file)
    } catch (error) {
      const fault = asFault(error, file)
      const copied = fault.code === 'database-read-only' && Database.#openCopy(file, fault)
      if (copied) return copied
      throw fault
    }
  }

  static #openFile(file: string): Database {
    assertNotLost(file, `${file}.lock`)
    makeWritable(file)
    const lock = takeLock(`${file}.lock`)
    let connection: DatabaseSync | undefined
    try {
      connection = openMigrated(file)
      markAsMade(lock)
      return new Database(file, { connection, lock, files: new OpenFiles(file) })
    } catch (error) {
      connection?.close()
      lock.close()
      throw error
    }
  }

  static #openCopy(file: string, { message }: DatabaseFault): Database | undefined {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined
    const connection = openPrivateCopy(file, openMigrated)
    if (connection === undefined) return undefined
    const database = new Database(file, { connection, files: OpenFiles.NONE })
    database.stopWrites(
      `${message}. What it holds is served, and nothing is written until that is mended: then everything starts anew by itself`,
    )
    return database
  }

  /** Why nothing is written any more; undefined: it is. */
  get stopped(): string | undefined {
    return this.#stopped
  }

  prepare(sql: string): Statement {
    return this.#connection.prepare(sql)
  }

  /** Gives statements a function of one value, which they may call by this name. */
  define(name: string, work: (value: unknown) => number): void {
    this.#connection.function(name, work)
  }

  /** From now on SQLite's own wait for another program's lock is over at once: it would stop the event loop. */
  serve(): void {
    this.#connection.exec('PRAGMA busy_timeout = 0')
  }

  /**
   * Runs `work` in one write transaction: all of it is committed when this returns, none of it when it throws. Throws
   * WritesStopped if nothing may be written, and SQLITE_BUSY, before `work` has begun, if another program does. Without
   * `isDurable` the disk is not waited for: a power cut may take it back until `syncLog`, or a transaction that writes.
   */
  transaction<T>(work: () => T, { isDurable = true }: { readonly isDurable?: boolean } = {}): T {
    const reason = this.#stopped ?? this.missingFile()
    if (reason !== undefined) throw new WritesStopped(reason)
    this.#log?.endDoubt()
    if (!isDurable) return this.#transactionUnsynced(work)
    try {
      return this.#transaction(work)
    } catch (error) {
      if (storageFaultOf(error) === 'unwritable') this.#log?.noteFault()
      throw error
    }
  }

  #transactionUnsynced<T>(work: () => T): T {
    this.#connection.exec('PRAGMA synchronous = NORMAL') // the log is not synced, and what it holds stays in order
    try {
      const result = this.#transaction(work)
      this.#log?.noteUnsynced()
      return result
    } finally {
      this.#connection.exec('PRAGMA synchronous = FULL')
    }
  }

  #transaction<T>(work: () => T): T {
    this.#connection.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#connection.exec('COMMIT')
      return result
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full, I/O): a second ROLLBACK would hide the first error.
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK')
      throw error
    }
  }

  /** Resolves when what is in the log survives a power cut; rejects with LogNotSynced if the disk can't say so. */
  async syncLog(): Promise<void> {
    await this.#log?.run()
  }

  /** A number that changes when another connection, such as the sqlite3 shell, has committed (PRAGMA data_version). */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.data_version)
  }

  /** See `backUp`. */
  backUp(file: string): Promise<void> {
    return backUp(this.#connection, file)
  }

  /** Does `work` while no process can open the database. Throws DatabaseFault if one has it open. */
  static async whileUnused<T>(file: string, work: () => Promise<T>): Promise<T> {
    makeDirectory(dirname(file))
    const lock = takeLock(`${file}.lock`)
    try {
      return await work()
    } finally {
      lock.close()
    }
  }

  /** Refuses all further transactions with this sentence. */
  stopWrites(reason: string): void {
    this.#stopped = reason
  }

  /** Takes that back; what was read of the file until now is read again. */
  allowWrites(): void {
    this.#stopped = undefined
    this.#connection.exec('PRAGMA shrink_memory')
  }

  /** A sentence about a file that is no longer in its place; undefined: all are. */
  missingFile(): string | undefined {
    return this.#files.missing()
  }

  /** Brings the log into the database as far as readers allow; returns whether that was all of it. */
  checkpoint(): boolean {
    const { busy, log, checkpointed } = this.#checkpoint.get() ?? {}
    return busy === 0 && log === checkpointed
  }

  close(): void {
    this.#log?.close()
    this.#connection.close()
    this.#lock?.close()
  }
}

function makeWritable(file: string): void {
  try {
    makeDirectory(dirname(file))
    takeFromOthers(dirname(file))
    makeForOwner(file) // SQLite gives its log beside it the same owner
    closeSync(openSync(file, existsSync(file) ? 'r+' : 'a', 0o600))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DatabaseFault('database-read-only', `${file} can't be written: ${reason}`, { cause: error })
  }
}

/** Who may write in the folder could put another database in the place of ours; in one like /tmp (sticky) nobody can. */
function takeFromOthers(directory: string): void {
  const { mode } = statSync(directory)
  const isSticky = (mode & 0o1000) !== 0
  if (isSticky || (mode & 0o022) === 0) return
  try {
    chmodSync(directory, mode & 0o7755)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
    throw new Error(
      `others may write in ${directory}, which belongs to another user: chmod go-w ${directory}`,
    )
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/**
 * For the owner alone, also where an earlier version made it; SQLite's journal of it has the same rights. What is in the way
 * of that is in SQLite's way too, which says so with a code of its own.
 */
function makePrivate(file: string): void {
  try {
    makeForOwner(file)
    closeSync(openSync(file, 'a', 0o600))
    closeToOthers(file)
  } catch {
    return
  }
}

/** Node says ENOENT of a directory on a read-only disk if it is to make those above it too. */
function makeDirectory(path: string): void {
  if (!existsSync(path)) mkdirSync(path, { recursive: !existsSync(dirname(path)), mode: 0o700 })
}

/** Throws DatabaseFault. */
function takeLock(file: string): DatabaseSync {
  makePrivate(file) // who may read it could hold the lock, and keep us from starting
  try {
    return openLock(file)
  } catch (error) {
    if (storageFaultOf(error) !== 'corrupt') throw lockFault(error, file)
  }
  // It holds nothing. In place: who has it open has locked this very file.
  truncateSync(file)
  try {
    return openLock(file)
  } catch (error) {
    throw lockFault(error, file)
  }
}

function openLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file)
  try {
    lock.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

function lockFault(error: unknown, file: string): DatabaseFault {
  if (storageFaultOf(error) !== 'busy') return asFault(error, file)
  const pids = lockHolders(file)
  return new DatabaseFault(
    'database-locked',
    `another freenet6 process${pids.length === 0 ? '' : ` (${pids.join(', ')})`} holds ${file}: stop it first, replace it by 'freenet6 restart', or give this one its own data_dir`,
    { cause: error },
  )
}

function openMigrated(file: string): DatabaseSync {
  const connection = new DatabaseSync(file)
  try {
    configure(connection)
    migrate(connection, file)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** What a large commit may have to take back lies in memory: a full /var/tmp is no reason to refuse it. */
function configure(connection: DatabaseSync): void {
  connection.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = ${PATIENCE_AT_START_MS}; PRAGMA foreign_keys = ON;
     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
     PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`,
  )
}
