import { setTimeout as sleep } from 'node:timers/promises'
import { storageFaultOf } from '../storage-fault.ts'

const FIRST_WAIT_MS = 5
const LONGEST_WAIT_MS = 100
/** How long another program may hold the lock before writes are refused: a visitor waits no longer for a page. */
const PATIENCE_MS = 3000

/**
 * Waits for another program's lock without holding up the event loop: SQLite's own wait would stop every answer over
 * TCP. Once patience has ended each attempt is made once, until one finds the lock free.
 */
export class LockPatience {
  #busySince: number | undefined

  /** Makes the attempt, again and again while the database is locked. Throws what the last one threw. */
  async run<T>(attempt: () => T): Promise<T> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        const result = attempt()
        this.#busySince = undefined
        return result
      } catch (error) {
        if (storageFaultOf(error) !== 'busy' || this.#isOver()) throw error
      }
      await sleep(waitMs)
    }
  }

  #isOver(): boolean {
    this.#busySince ??= performance.now()
    return performance.now() - this.#busySince > PATIENCE_MS
  }
}
