import { readFileSync, statSync } from 'node:fs'

/** A line of /proc/locks: `1: POSIX  ADVISORY  READ 1234 00:2f:5678 123 127`. */
const LOCK = /^\d+: \S+ +\S+ +\S+ (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /

/** Processes other than this one that hold locks of a file; readers of a database hold some of its `-shm` file. */
export function lockHolders(file: string): readonly number[] {
  try {
    const { ino } = statSync(file)
    const locks = readFileSync('/proc/locks', 'utf8').split('\n')
    const holders = locks.flatMap(line => {
      const [, pid, inode] = LOCK.exec(line) ?? []
      return Number(inode) === ino ? [Number(pid)] : []
    })
    return [...new Set(holders)].filter(pid => pid !== process.pid)
  } catch {
    return [] // no such file here: another system than Linux
  }
}
