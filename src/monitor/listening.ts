import type { Log } from '../shared/log.ts'
import type { MonitoredTunnels } from './monitored-tunnels.ts'
import { reasonOf } from './reason.ts'

const SHORTEST_PAUSE_MS = 5000
/** Of pause, for each millisecond that a look took: what it costs stays below two hundredths of a processor. */
const PAUSE_PER_WORK = 50

/** Listens for the clients of dormant tunnels, again and again: whoever sends something has its tunnel back. */
export class Listening {
  readonly #lifecycle: Pick<MonitoredTunnels, 'wakeHeard'>
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #stopped = false

  constructor(lifecycle: Pick<MonitoredTunnels, 'wakeHeard'>, log: Log) {
    this.#lifecycle = lifecycle
    this.#log = log
  }

  start(): void {
    this.#plan(0)
  }

  /** Resolves when the look that runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #plan(workedMs: number): void {
    if (this.#stopped) return
    const pause = Math.max(SHORTEST_PAUSE_MS, workedMs * PAUSE_PER_WORK)
    this.#timer = setTimeout(() => {
      this.#running = this.#look()
    }, pause)
  }

  async #look(): Promise<void> {
    const start = performance.now()
    try {
      const woken = await this.#lifecycle.wakeHeard()
      if (woken > 0) this.#log.info({ tunnels: woken }, 'dormant tunnels were heard, and are back')
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'dormant tunnels could not be listened for')
    }
    this.#plan(performance.now() - start)
  }
}
