import { setTimeout as sleep } from 'node:timers/promises'
import type { StorageTroubles } from '../storage-troubles.ts'
import type { Database } from './database.ts'
import { checkFile } from './file-check.ts'

const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000
/** After so long a calm the file is looked at without delay again. */
const CALM_MS = 300_000

const UNPROVEN =
  'SQLite says so of a file that is damaged, and of a disk that can’t be read: nothing is written until the file has been looked through'
const UNREADABLE = 'Nothing is written until it can be: mend the disk'
const REMEDY = 'Nothing is written any more: stop freenet6, copy the file away, and put a backup in its place'

/**
 * What follows from a page that can't be right. Nothing is written from then on. A disk that could not be read for a moment is told
 * as a damaged file is, and a backup in its place would lose what was registered since: so another process looks through
 * the file first, again and again while that can't be read. A sound one is written again.
 */
export class Suspicion {
  readonly #database: Database
  readonly #troubles: StorageTroubles
  readonly #ending = new AbortController()
  #reason: string | undefined
  #pauseMs = 0
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(database: Database, troubles: StorageTroubles) {
    this.#database = database
    this.#troubles = troubles
  }

  /** What is wrong with the file, or may be, in a sentence; undefined: nothing that is known. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Stops the writes, for what SQLite has said. */
  raise(words: string): void {
    if (this.#database.stopped !== undefined) return
    this.#state(`${this.#database.file}: ${words}. ${UNPROVEN}`)
    if (performance.now() - this.#lookedAt > CALM_MS) this.#pauseMs = 0
    void this.#lookUntilKnown()
  }

  close(): void {
    this.#ending.abort()
  }

  /** Never rejects. */
  async #lookUntilKnown(): Promise<void> {
    const { signal } = this.#ending
    const { file } = this.#database
    while (!signal.aborted) {
      await sleep(this.#pauseMs, undefined, { ref: false, signal }).catch(() => undefined)
      this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS)
      if (this.#isElsewhere()) continue
      const verdict = await checkFile(file, { signal, isWhole: true })
      this.#lookedAt = performance.now()
      if (signal.aborted || this.#isElsewhere()) continue // what was looked at may be another file
      if (verdict.kind === 'sound') return this.#clear()
      if (verdict.kind === 'damaged') return this.#state(`${file}: ${verdict.reason}. ${REMEDY}`)
      this.#state(`${file} can’t be read: ${verdict.reason}. ${UNREADABLE}`)
    }
  }

  #isElsewhere(): boolean {
    try {
      return this.#database.missingFile() !== undefined
    } catch {
      return true // the disk does not even say
    }
  }

  #state(reason: string): void {
    this.#reason = reason
    this.#database.stopWrites(reason)
    this.#troubles.begin('write', { code: 'storage-fault', reason })
  }

  /** The trouble ends with the next write. */
  #clear(): void {
    this.#reason = undefined
    this.#database.allowWrites()
  }
}
