import type { Log } from './shared/log.ts'

/** More faults than this within the window mean that something is broken for good: a fresh process is better then. */
const MOST_FAULTS = 10
const WINDOW_MS = 60_000

/**
 * What becomes of an error that nobody has caught: it is logged, the health check says so for a minute, and everything
 * else goes on. The names are in shared memory and the rows in transactions, so that neither is left half done; to end
 * would take the service from everybody for one fault. When faults go on, the process ends for its supervisor to start.
 */
export class LastResort {
  readonly #log: Log
  readonly #end: () => void
  #times: number[] = []

  /** `end` ends the process with a fault's exit status. */
  constructor(log: Log, end: () => void) {
    this.#log = log
    this.#end = end
  }

  /** From now on; an error before that, while the parts are started, ends the process. Returns how to stop. */
  watch(): () => void {
    const note = (error: unknown) => this.note(error)
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    return () => {
      process.off('uncaughtException', note)
      process.off('unhandledRejection', note)
    }
  }

  note(error: unknown): void {
    const now = performance.now()
    this.#times = [...this.#times.filter(time => now - time < WINDOW_MS), now]
    this.#log.error({ err: error }, 'a fault that nothing has caught: everything else goes on')
    if (this.#times.length <= MOST_FAULTS) return
    this.#log.error({ faults: this.#times.length }, 'faults go on: the process ends, to be started afresh')
    this.#end()
  }

  /** For the health check; empty: nothing within the last minute. */
  troubles(): readonly string[] {
    const recent = this.#times.filter(time => performance.now() - time < WINDOW_MS)
    return recent.length === 0 ? [] : [`${recent.length} faults of the program within a minute: see the log`]
  }
}
