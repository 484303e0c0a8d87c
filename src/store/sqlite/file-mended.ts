import { randomBytes } from 'node:crypto'
import { accessSync, constants, statfsSync, statSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { checkFile } from './file-check.ts'

/** Octets that a disk must have to be no longer full: a small write fits into what the log has left, a change may not. */
const ROOM = 1024 * 1024
/** How long the files must have been left alone: a database that is opened before its log is put back has lost that. */
const QUIET_MS = 5000
/** How often files that could not be read are read again to their ends. */
const RETRY_MS = 60_000

/** Where a database could not be opened as it should: finds out, again and again, whether it can by now. */
export class FileMended {
  readonly #file: string
  readonly #device: number | undefined
  /** What the files were when they were looked at last, and since when they are that. */
  #seen = ''
  #seenAt = 0
  /** What the files were when they were found not to be sound, and until when that is believed of them. */
  #unsound = ''
  #unsoundUntil = 0

  /** At the start. */
  constructor(file: string) {
    this.#file = file
    this.#device = deviceOf(file)
  }

  /**
   * Whether the file is sound and can be written, as its disk can. Not on another disk than at the start: what lies under a
   * mount that is away is another table, or none. Never rejects.
   */
  async isWhole(signal: AbortSignal): Promise<boolean> {
    if (this.#device === undefined || deviceOf(this.#file) !== this.#device) return false
    if (!this.#isQuiet() || this.#isKnownUnsound() || !(await this.#isWritable())) return false
    return (await this.#isSound(signal)) && deviceOf(this.#file) === this.#device
  }

  #isKnownUnsound(): boolean {
    return this.#seen === this.#unsound && performance.now() < this.#unsoundUntil
  }

  /** Costs a process that reads the whole file: what is damaged stays that until it is replaced or mended. */
  async #isSound(signal: AbortSignal): Promise<boolean> {
    const { kind } = await checkFile(this.#file, { signal })
    if (kind === 'sound') return true
    this.#unsound = this.#seen
    this.#unsoundUntil = kind === 'damaged' ? Number.POSITIVE_INFINITY : performance.now() + RETRY_MS
    return false
  }

  #isQuiet(): boolean {
    const seen = ['', '-wal'].map(suffix => markOf(this.#file + suffix)).join()
    if (seen !== this.#seen) this.#seenAt = performance.now()
    this.#seen = seen
    return performance.now() - this.#seenAt >= QUIET_MS
  }

  async #isWritable(): Promise<boolean> {
    const trial = `${this.#file}.${randomBytes(6).toString('hex')}.trial`
    try {
      accessSync(this.#file, constants.R_OK | constants.W_OK)
      if (!hasRoom(this.#file)) return false
      const handle = await open(trial, 'wx', 0o600)
      try {
        await handle.write(Buffer.alloc(1))
        await handle.sync()
      } finally {
        await handle.close()
      }
      return true
    } catch {
      return false
    } finally {
      await rm(trial, { force: true }).catch(() => undefined)
    }
  }
}

/** Whether the disk that a database lies on has room for changes. Throws what the system says. */
export function hasRoom(file: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize >= ROOM
}

/** Another one for each file that is put in its place, and for each change. */
function markOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return 'none'
  }
}

/** The number of the disk that its directory is on; undefined: nobody can tell. */
function deviceOf(file: string): number | undefined {
  try {
    return statSync(dirname(file)).dev
  } catch {
    return undefined
  }
}
