import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Tried in this order: the disk that can't be written may be the one with the temporary files too. */
const DIRECTORIES = [tmpdir(), '/dev/shm', '/run']

/**
 * Copies a database with its log to a directory that has room, and lets `open` open it; undefined if none has. The
 * copy is nobody else's: it has no name any more when this returns, and goes with its last descriptor.
 *
 * SQLite alone could read a database on a disk that is full or read-only only without its log, which has the commits
 * since the last checkpoint.
 */
export function openPrivateCopy<Opened>(file: string, open: (copy: string) => Opened): Opened | undefined {
  for (const directory of DIRECTORIES) {
    const copy = copyTo(directory, file)
    if (copy === undefined) continue
    try {
      return open(copy.file)
    } finally {
      rmSync(copy.directory, { recursive: true, force: true })
    }
  }
  return undefined
}

function copyTo(
  directory: string,
  file: string,
): { readonly directory: string; readonly file: string } | undefined {
  let own: string | undefined
  try {
    own = mkdtempSync(join(directory, 'freenet6-'))
    const copy = join(own, 'freenet6.db')
    copyFileSync(file, copy)
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`)
    return { directory: own, file: copy }
  } catch {
    if (own !== undefined) rmSync(own, { recursive: true, force: true })
    return undefined
  }
}
