import type { Restart } from './restarting.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

const FIRST_LOOK_MS = 2000
const LONGEST_PAUSE_MS = 300_000

/**
 * A process whose table could not be opened whole, since the disk was full, read-only or unreadable, or the file damaged:
 * looks whether it can be by now, and then everything starts anew. One for the whole process: what looks mended and is not must be
 * tried seldom.
 */
export class Recovery {
  readonly #restart: Pick<Restart, 'renew'>
  readonly #log: Log
  #pauseMs = FIRST_LOOK_MS

  constructor(restart: Pick<Restart, 'renew'>, log: Log) {
    this.#restart = restart
    this.#log = log
  }

  /**
   * Watches a store for as long as it is served; returns how to stop that. `assertStartable` throws what else would keep
   * everything from starting.
   */
  watch(
    { isMended }: Pick<TunnelStore, 'isMended'>,
    { assertStartable }: { readonly assertStartable: () => void },
  ): () => void {
    if (isMended === undefined) {
      this.#pauseMs = FIRST_LOOK_MS
      return () => undefined
    }
    const ending = new AbortController()
    const { signal } = ending
    let timer: NodeJS.Timeout | undefined
    const lookLater = () => {
      timer = setTimeout(async () => {
        if ((await isMended(signal)) && !signal.aborted) await this.#begin(assertStartable)
        if (!signal.aborted) lookLater()
      }, this.#pauseMs).unref()
    }
    lookLater()
    return () => {
      ending.abort()
      clearTimeout(timer)
    }
  }

  /** Where it could be begun the store is closed by now. Never rejects. */
  async #begin(assertStartable: () => void): Promise<void> {
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#log.info({}, 'the database can be opened whole by now: everything starts anew')
    try {
      assertStartable() // behind that point there is no way back but on
      await this.#restart.renew()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#log.error({ reason }, 'everything goes on as it was')
    }
  }
}
