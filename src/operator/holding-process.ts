import { readFileSync } from 'node:fs'
import { lockFile } from '../store/database-file.ts'
import { lockHolders } from '../store/sqlite/lock-holders.ts'

/** A process that has the database: the one that serves, or another command. */
export interface HoldingProcess {
  readonly pid: number
  /** Whether a signal has stopped it (SIGSTOP, Ctrl-Z, a debugger). */
  readonly isStopped: boolean
}

/** The process that has the database; undefined: none has, or this system does not tell. */
export function holdingProcess(config: { readonly data_dir: string }): HoldingProcess | undefined {
  const [pid] = lockHolders(lockFile(config))
  return pid === undefined ? undefined : { pid, isStopped: isStopped(pid) }
}

/** The state is the first letter behind the name, which stands in parentheses and may hold any character. */
function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false // it has ended
  }
}
