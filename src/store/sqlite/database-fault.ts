import { type Denial, denialIn, deniedAmong } from '../../shared/denial.ts'
import { storageFaultOf } from '../storage-fault.ts'
import { SUFFIXES } from './whole-copy.ts'

export type DatabaseFaultCode =
  | 'database-locked'
  | 'database-newer'
  | 'database-unreadable'
  | 'database-read-only'

/** The database can't be served; the message says what to do. */
export class DatabaseFault extends Error {
  readonly code: DatabaseFaultCode
  /** The file that this process may not open, if that is all. */
  readonly denial: Denial | undefined

  constructor(
    code: DatabaseFaultCode,
    message: string,
    options?: ErrorOptions & { denial?: Denial | undefined },
  ) {
    super(message, options)
    this.code = code
    this.denial = options?.denial ?? denialIn(options?.cause)
  }
}

/** What the system says of a disk that can't be written now; other errors are a mistake of whoever set it up. */
const DISK_ERRORS = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EIO'])

/** Whether a disk or a broken file is at fault, and not the configuration. */
export function isOfTheDisk({ code, cause }: DatabaseFault): boolean {
  if (code === 'database-unreadable') return true
  if (code !== 'database-read-only') return false
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return DISK_ERRORS.has(errno) || storageFaultOf(cause) !== undefined
}

/** What hinders a file from being opened, with its name. */
export function asFault(error: unknown, file: string): DatabaseFault {
  if (error instanceof DatabaseFault) return error
  const reason = error instanceof Error ? error.message : String(error)
  const fault = storageFaultOf(error)
  const code = fault === 'unwritable' || fault === 'full' ? 'database-read-only' : 'database-unreadable'
  const denial = fault === 'unwritable' ? deniedAmong(SUFFIXES.map(suffix => file + suffix)) : undefined
  return new DatabaseFault(code, `${file} can't be used as a database: ${reason}`, { cause: error, denial })
}
