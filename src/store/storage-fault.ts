const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_CANTOPEN = 14
const SQLITE_PROTOCOL = 15
const SQLITE_CONSTRAINT = 19
const SQLITE_NOTADB = 26
const PRIMARY_CODE_MASK = 0xff

/**
 * Why the database could not do what was asked: a constraint, a full disk, another program's lock, a page that can't be
 * right, a file that can't be read or written, writes that are stopped, a full table of names.
 */
export type StorageFault =
  | 'constraint'
  | 'full'
  | 'busy'
  | 'corrupt'
  | 'unwritable'
  | 'stopped'
  | 'table-full'

const FAULTS: ReadonlyMap<number, StorageFault> = new Map([
  [SQLITE_BUSY, 'busy'],
  [SQLITE_LOCKED, 'busy'],
  [SQLITE_READONLY, 'unwritable'],
  [SQLITE_IOERR, 'unwritable'],
  [SQLITE_CANTOPEN, 'unwritable'],
  [SQLITE_PROTOCOL, 'unwritable'],
  [SQLITE_CORRUPT, 'corrupt'],
  [SQLITE_NOTADB, 'corrupt'],
  [SQLITE_FULL, 'full'],
  [SQLITE_CONSTRAINT, 'constraint'],
])

/** Nothing is written any more; the message says why, and what ends it. */
export class WritesStopped extends Error {
  readonly code = 'writes-stopped'
}

/** What was written is in the system's hands, and the disk does not say that it has it. */
export class LogNotSynced extends Error {
  readonly code = 'log-not-synced'
}

/** What an error of the store means; undefined: it is a fault of the program. */
export function storageFaultOf(error: unknown): StorageFault | undefined {
  if (error instanceof WritesStopped) return 'stopped'
  if (error instanceof LogNotSynced) return 'unwritable'
  if (!(error instanceof Error)) return undefined
  if ('code' in error && error.code === 'table-full') return 'table-full'
  if (!('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return FAULTS.get(error.errcode & PRIMARY_CODE_MASK)
}
