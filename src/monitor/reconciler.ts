import type { Log } from '../shared/log.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import type { MonitoredTunnels } from './monitored-tunnels.ts'
import { reasonOf } from './reason.ts'

const INTERVAL_MS = 3_600_000
/**
 * Seconds of rest after a reconciliation that took one: many if the next is wanted because something has changed, which
 * may be of no concern to us, and one if our own is known to be harmed, or the last could not mend it all.
 */
const REST_PER_WORK = { changed: 9, failed: 1, harmed: 1 } as const
const SHORTEST_REST_MS = 500
/** After a first failure in a row; it doubles with each. */
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000
/** Faults of one reconciliation that are written to the log. */
const LOGGED_FAULTS = 10

/**
 * Compares kernel and table at start, hourly, soon after somebody else has touched the kernel, and again while something
 * could not be mended.
 */
export class Reconciler {
  readonly #lifecycle: Pick<MonitoredTunnels, 'reconcile'>
  readonly #prepare: () => Promise<readonly LinkFault[]>
  readonly #log: Log
  #interval: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** Why another reconciliation is wanted. */
  #wanted: keyof typeof REST_PER_WORK | undefined
  #endedAt = Number.NEGATIVE_INFINITY
  #workedMs = 0
  #mendings = 0
  #failuresInARow = 0
  #stopped = false
  #lastFaults = ''
  #unprepared: readonly LinkFault[] = []

  constructor(options: {
    readonly lifecycle: Pick<MonitoredTunnels, 'reconcile'>
    /** Puts right what all tunnels share: routes, forwarding, source filter. */
    readonly prepare: () => Promise<readonly LinkFault[]>
    readonly log: Log
  }) {
    this.#lifecycle = options.lifecycle
    this.#prepare = options.prepare
    this.#log = options.log
  }

  /** How often something of ours was found otherwise than it should be: who compares two readings knows of between. */
  get mendings(): number {
    return this.#mendings
  }

  /** What all tunnels need and could not be had at the last reconciliation: routes, forwarding, source filter. */
  get unprepared(): readonly LinkFault[] {
    return this.#unprepared.filter(({ isMinor }) => !isMinor)
  }

  /** What tunnels do without, and was not to be had then. */
  get warnings(): readonly LinkFault[] {
    return this.#unprepared.filter(({ isMinor }) => isMinor)
  }

  /** Resolves when the first comparison has ended, however it did. */
  start(): Promise<void> {
    const first = this.#run()
    this.#interval = setInterval(() => {
      if (this.#running === undefined) void this.#run()
    }, INTERVAL_MS)
    return first
  }

  /** Something has changed that may be ours: reconciles when the rest after the last one is over; many calls cost one. */
  soon(): void {
    this.#wanted ??= 'changed'
    this.#plan()
  }

  /** Something of ours was taken away: reconciles after a short rest. */
  harmed(): void {
    this.#wanted = 'harmed'
    this.#plan()
  }

  /** Something of ours is known to be wrong: echoes that go out now say nothing. What could not be mended is not hurried. */
  noteTrouble(): void {
    this.#mendings++
    if (this.#failuresInARow === 0) this.harmed()
    else this.soon()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#interval)
    clearTimeout(this.#soon)
    await this.#running
  }

  #plan(): void {
    if (this.#wanted === undefined || this.#stopped || this.#running !== undefined) return
    const shortest = this.#wanted === 'failed' ? this.#retryMs() : SHORTEST_REST_MS
    const restMs = Math.max(shortest, REST_PER_WORK[this.#wanted] * this.#workedMs)
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => void this.#run(), Math.max(0, this.#endedAt + restMs - performance.now()))
  }

  #retryMs(): number {
    return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failuresInARow - 1))
  }

  #run(): Promise<void> {
    clearTimeout(this.#soon)
    this.#wanted = undefined
    this.#running = this.#timed().finally(() => {
      this.#running = undefined
      this.#plan()
    })
    return this.#running
  }

  async #timed(): Promise<void> {
    const start = performance.now()
    const isWhole = await this.#reconcile()
    this.#endedAt = performance.now()
    this.#workedMs = this.#endedAt - start
    this.#failuresInARow = isWhole ? 0 : this.#failuresInARow + 1
    if (!isWhole && this.#wanted !== 'harmed') this.#wanted = 'failed'
  }

  /** Resolves with whether kernel and table agree now. */
  async #reconcile(): Promise<boolean> {
    try {
      const [preparation, mended] = await Promise.all([this.#prepare(), this.#lifecycle.reconcile()])
      const { made, removed, faults } = mended
      this.#unprepared = preparation
      if (made.length > 0) this.#mendings++
      if (made.length + removed.length > 0) {
        this.#log.info({ made: made.length, removed: removed.length }, 'interfaces reconciled with the table')
      }
      this.#reportFaults([...preparation, ...faults])
      return preparation.length + faults.length === 0
    } catch (error) {
      this.#log.error({ reason: reasonOf(error) }, 'interfaces could not be reconciled with the table')
      return false
    }
  }

  /** The same faults again are not news. */
  #reportFaults(faults: readonly LinkFault[]): void {
    const first = faults.slice(0, LOGGED_FAULTS)
    const text = JSON.stringify([faults.length, first])
    if (faults.length > 0 && text !== this.#lastFaults) {
      this.#log.warn({ faults: first, count: faults.length }, 'interfaces differ from the table')
    }
    this.#lastFaults = text
  }
}
