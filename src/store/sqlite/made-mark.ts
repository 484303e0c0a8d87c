import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DatabaseFault } from './database-fault.ts'

/** The number of the schema that a lock has whose database was made: it holds nothing else. */
const MADE = 1

/**
 * Throws DatabaseFault if a database was, and is not, or is empty: in its place SQLite would make one without a tunnel, and
 * drop the log that may lie beside it. `lock` is the file that a process holds locked.
 */
export function assertNotLost(file: string, lock: string): void {
  if (sizeOf(file) > 0 || (sizeOf(`${file}-wal`) === 0 && !isMarked(lock))) return
  const what = existsSync(file) ? 'is empty' : 'is not there'
  throw new DatabaseFault(
    'database-unreadable',
    `${file} ${what}, and was a database once: put it back, or restore a backup. To begin without a tunnel remove ${file}.lock, and ${file}-wal if that is there`,
  )
}

/** Notes in a lock that is held that its database was made. A disk that does not take the note is no reason to serve nothing. */
export function markAsMade(lock: DatabaseSync): void {
  try {
    if (isMade(lock)) return
    lock.exec(`PRAGMA user_version = ${MADE}; COMMIT; BEGIN EXCLUSIVE`) // it stays locked in between (locking_mode)
  } catch {
    if (!lock.isTransaction) lock.exec('BEGIN EXCLUSIVE')
  }
}

function isMarked(file: string): boolean {
  if (sizeOf(file) === 0) return false
  try {
    const lock = new DatabaseSync(file, { readOnly: true, timeout: 0 })
    try {
      return isMade(lock)
    } finally {
      lock.close()
    }
  } catch {
    return false // somebody holds it, or it is garbled: the start finds out
  }
}

function isMade(lock: DatabaseSync): boolean {
  return lock.prepare('PRAGMA user_version').get()?.user_version === MADE
}

/** 0, too, if nothing is there, or nobody may look. */
function sizeOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return 0 // whoever opens it says more
  }
}
