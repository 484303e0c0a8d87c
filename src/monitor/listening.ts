import type { Log } from '../shared/log.ts'
import type { MonitoredTunnels } from './monitored-tunnels.ts'
import { reasonOf } from './reason.ts'

const SHORTEST_PAUSE_MS = 5000
/** For each dormant tunnel that was listened for, so that a hundred thousand are looked at every half minute. */
const PAUSE_PER_TUNNEL_MS = 0.3

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

  #plan(tunnels: number): void {
    if (this.#stopped) return
    const pause = Math.max(SHORTEST_PAUSE_MS, tunnels * PAUSE_PER_TUNNEL_MS)
    this.#timer = setTimeout(() => {
      this.#running = this.#look()
    }, pause)
  }

  async #look(): Promise<void> {
    let tunnels = 0
    try {
      const { listened, woken } = await this.#lifecycle.wakeHeard()
      tunnels = listened
      if (woken > 0) this.#log.info({ tunnels: woken }, 'dormant tunnels were heard, and are back')
    } catch (error) {
      this.#log.warn({ reason: reasonOf(error) }, 'dormant tunnels could not be listened for')
    }
    this.#plan(tunnels)
  }
}
