import { statSync } from 'node:fs'

/** The database, its log, and the index of the log: SQLite holds all three open. */
const SUFFIXES = ['', '-wal', '-shm']

interface OpenFile {
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
}

/**
 * Which files the connection has open, told by device and inode. Who writes into a file that was deleted or replaced
 * writes for nobody, and SQLite does not notice.
 */
export class OpenFiles {
  /** For a connection whose files have no name. */
  static readonly NONE = new OpenFiles(undefined)
  readonly #files: readonly OpenFile[]

  /** Straight after `database` was opened and read. */
  constructor(database: string | undefined) {
    this.#files = (database === undefined ? [] : SUFFIXES).flatMap(suffix => {
      const path = database + suffix
      const found = statSync(path, { bigint: true, throwIfNoEntry: false })
      return found === undefined ? [] : [{ path, device: found.dev, inode: found.ino }]
    })
  }

  /** A sentence that names the file that is no longer in its place; undefined: all are. Throws what the system says. */
  missing(): string | undefined {
    for (const { path, device, inode } of this.#files) {
      const found = statSync(path, { bigint: true, throwIfNoEntry: false })
      if (found?.dev === device && found.ino === inode) continue
      const what = found === undefined ? 'was removed' : 'was replaced by another file'
      return `${path} ${what} while it is in use: put it back, or save what it held with 'freenet6 backup FILE' before freenet6 ends; nothing is written until it is back`
    }
    return undefined
  }
}
