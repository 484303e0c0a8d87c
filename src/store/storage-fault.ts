const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_FULL = 13
const SQLITE_CONSTRAINT = 19
const PRIMARY_CODE_MASK = 0xff

/** Why a commit could not be done: a constraint, a full disk, a file that can't be written, a full table of names. */
export type StorageFault = 'constraint' | 'full' | 'unwritable' | 'table-full'

/** What an error of a commit means; undefined: it is a fault of the program. */
export function storageFaultOf(error: unknown): StorageFault | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && error.code === 'table-full') return 'table-full'
  if (!('errcode' in error) || typeof error.errcode !== 'number') return undefined
  const code = error.errcode & PRIMARY_CODE_MASK
  if (code === SQLITE_CONSTRAINT) return 'constraint'
  if (code === SQLITE_FULL) return 'full'
  return code === SQLITE_READONLY || code === SQLITE_IOERR ? 'unwritable' : undefined
}
