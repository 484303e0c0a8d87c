import type { Log } from '../shared/log.ts'
import { BackOff } from './back-off.ts'
import type { MonitoredTunnels } from './monitored-tunnels.ts'
import { reasonOf } from './reason.ts'

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000

/** Draft, steps 5 and 6: brings up new tunnels when it is woken, and tries again what failed. */
export class BringUp {
  readonly #lifecycle: MonitoredTunnels
  readonly #log: Log
  readonly #backOff = new BackOff({
    firstMs: FIRST_RETRY_MS,
    longestMs: LONGEST_RETRY_MS,
    retry: () => this.wake(),
  })
  #running: Promise<void> | undefined
  #woken = false
  #stopped = false
  #failures = 0

  constructor(lifecycle: MonitoredTunnels, log: Log) {
    this.#lifecycle = lifecycle
    this.#log = log
  }

  /** Passes since the start that left a tunnel new. */
  get failures(): number {
    return this.#failures
  }

  /** Many calls in a row cost one pass, and one during a pass makes another follow. */
  wake(): void {
    this.#woken = true
    if (this.#stopped || this.#running !== undefined) return
    this.#running = this.#bringUpAll()
  }

  /** Begins nothing any more; resolves when the pass that runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#backOff.stop()
    await this.#running
  }

  async #bringUpAll(): Promise<void> {
    while (this.#woken && !this.#stopped) {
      this.#woken = false
      await this.#bringUp()
    }
    this.#running = undefined // in the tick of the last look at #woken: no wake falls in between
  }

  async #bringUp(): Promise<void> {
    try {
      const { activated, failed } = await this.#lifecycle.bringUpNew()
      if (failed === 0) this.#backOff.succeeded()
      else this.#retryLater({ activated, failed })
    } catch (error) {
      this.#retryLater({ reason: reasonOf(error) })
    }
  }

  #retryLater(facts: object): void {
    this.#failures++
    if (this.#stopped) return
    const retryInMs = this.#backOff.failed()
    if (retryInMs !== undefined) {
      this.#log.warn({ ...facts, retryInMs }, 'new tunnels could not be brought up')
    }
  }
}
