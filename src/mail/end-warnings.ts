import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Notices } from '../lifecycle/notices.ts'
import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Dormancy } from '../tunnel/tunnel.ts'

const DAY_SECONDS = 86_400
/** Seconds before a dormant tunnel's end at which its owner is told once more; half the sleep if that is shorter. */
const LONGEST_WARNING = 3 * DAY_SECONDS
const LOOK_INTERVAL_MS = 600_000
/** Tunnels whose end is near that are looked at. */
const MOST = 100_000
/** Of these in one turn of the event loop. */
const SLICE = 100

export interface EndWarningsOptions {
  readonly store: Pick<TunnelStore, 'noteFault'>
  readonly lifecycle: Pick<Lifecycle, 'endingWithin'> & {
    readonly notices: Pick<Notices, 'isToBeWarned' | 'warnOfEnd'>
  }
  /** Seconds for which a dormant tunnel is kept. */
  readonly keep: number
  readonly log: Log
}

/** Has owners told that their dormant tunnel ends soon, each once a sleep. */
export class EndWarnings {
  readonly #options: EndWarningsOptions
  readonly #timer: NodeJS.Timeout
  #isStopped = false

  constructor(options: EndWarningsOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS).unref()
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const { store, lifecycle, keep, log } = this.#options
    let looked = 0
    try {
      for (const { tunnel, left } of lifecycle.endingWithin(LONGEST_WARNING, MOST)) {
        if (++looked % SLICE === 0) await nextTurn()
        if (this.#isStopped) return
        const { id, dormant } = tunnel
        if (left > warningOf(dormant, keep)) continue
        if (lifecycle.notices.isToBeWarned(id)) await lifecycle.notices.warnOfEnd(id)
      }
    } catch (error) {
      store.noteFault(error)
      log.error({ err: error }, 'owners could not be warned')
    }
  }
}

/** Seconds before its end: those who sleep already keep the length of their sleep, whatever `keep` is by now. */
function warningOf({ since, until }: Dormancy, keep: number): number {
  return Math.min(LONGEST_WARNING, Math.max(keep, until - since) / 2)
}
