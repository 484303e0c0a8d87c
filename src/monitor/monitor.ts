import type { Prober } from '../echo/prober.ts'
import type { Log } from '../shared/log.ts'
import type { Reconciliation } from '../tunnel/interface.ts'
import { BackOff } from './back-off.ts'

/** What the monitor needs of the life cycle. Kernel calls wait for each other there. */
export interface MonitoredTunnels {
  bringUpNew(): Promise<{ readonly activated: number; readonly failed: number }>
  probeTargets(): readonly { readonly id: string; readonly ipv6Client: string }[]
  recordRound(round: {
    readonly answered: readonly string[]
    readonly silent: readonly string[]
  }): Promise<{ readonly removed: number }>
  reconcile(): Promise<Reconciliation>
}

/** What became of a round. Nothing was counted but in a 'recorded' one. */
export interface RoundReport {
  readonly outcome: 'recorded' | 'dry-run' | 'failed' | 'stopped'
  readonly targets: number
  readonly answered: number
  readonly silent: number
  readonly removed: number
  readonly durationMs: number
}

export interface MonitorOptions {
  readonly lifecycle: MonitoredTunnels
  readonly prober: Prober
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly log: Log
  /** The interfaces exist in memory alone: nobody can answer, and nobody is taken down for it. */
  readonly dryRun: boolean
  /** For tests: 0 up to 1, as Math.random. */
  readonly random?: () => number
}

const JITTER = 0.1
const RECONCILE_INTERVAL_MS = 3_600_000
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000
/** How long a stop waits for the kernel and the database; what is not done then is done at the next start. */
const STOP_PATIENCE_MS = 3000
/** From so many answers in a row's last round on, complete silence is more likely our own fault than everybody's. */
const CROWD = 10
/** Faults of one reconciliation that are written to the log. */
const LOGGED_FAULTS = 10

/**
 * The draft's tunnel monitor. Steps 1–4 run in rounds, steps 5–6 when a registration wakes it; the two never wait for
 * each other, and neither overlaps itself.
 *
 *     timer ──▶ round:    1 scan ─▶ 2 echo ─▶ 3 count ─▶ 4 take down
 *     wake  ──▶ bring-up: 5 scan for new ─▶ 6 interface, entry, DNS
 *     start, hourly ──▶ reconcile
 */
export class Monitor {
  readonly #lifecycle: MonitoredTunnels
  readonly #prober: Prober
  readonly #intervalMs: number
  readonly #timeoutMs: number
  readonly #log: Log
  readonly #dryRun: boolean
  readonly #random: () => number
  readonly #stopping = new AbortController()
  readonly #backOff = new BackOff({
    firstMs: FIRST_RETRY_MS,
    longestMs: LONGEST_RETRY_MS,
    retry: () => this.wake(),
  })
  #roundTimer: NodeJS.Timeout | undefined
  #reconcileTimer: NodeJS.Timeout | undefined
  #round: Promise<RoundReport> | undefined
  #bringingUp: Promise<void> | undefined
  #reconciling: Promise<void> | undefined
  #woken = false
  #answeredBefore = 0
  #lastReport: RoundReport | undefined
  #rounds = 0
  #failedRounds = 0
  #failedBringUps = 0

  constructor(options: MonitorOptions) {
    this.#lifecycle = options.lifecycle
    this.#prober = options.prober
    this.#intervalMs = options.intervalMs
    this.#timeoutMs = options.timeoutMs
    this.#log = options.log
    this.#dryRun = options.dryRun
    this.#random = options.random ?? Math.random
  }

  /** Reconciles kernel and table, brings up what is new, and starts the timers. */
  start(): void {
    if (this.#dryRun) this.#log.info({}, 'dry run: tunnels are not probed and none is removed for silence')
    this.#reconcile()
    this.#reconcileTimer = setInterval(() => this.#reconcile(), RECONCILE_INTERVAL_MS)
    this.wake()
    this.#scheduleRound(0)
  }

  /** Brings up new tunnels at once. Many calls in a row cost one pass, and one during a pass makes another follow. */
  wake(): void {
    this.#woken = true
    if (this.#stopped || this.#bringingUp !== undefined) return
    this.#bringingUp = this.#bringUpAll()
  }

  /** Runs one round, or joins the one that runs. Never rejects. */
  runRound(): Promise<RoundReport> {
    this.#round ??= this.#probeAll().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  /** Figures for the metrics: of the last round, and counts since the start. */
  figures(): Readonly<Record<string, number>> {
    const last = this.#lastReport
    return {
      targets: last?.targets ?? 0,
      answered: last?.answered ?? 0,
      silent: last?.silent ?? 0,
      removed: last?.removed ?? 0,
      duration_ms: Math.round(last?.durationMs ?? 0),
      rounds: this.#rounds,
      failed_rounds: this.#failedRounds,
      failed_bring_ups: this.#failedBringUps,
    }
  }

  /** Ends the timers and the probe; a round that was cut short counts nothing. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#roundTimer)
    clearInterval(this.#reconcileTimer)
    this.#backOff.stop()
    const work = Promise.all([this.#round, this.#bringingUp, this.#reconciling])
    let patience: NodeJS.Timeout | undefined
    const tooLong = new Promise(resolve => {
      patience = setTimeout(resolve, STOP_PATIENCE_MS)
    })
    await Promise.race([work, tooLong])
    clearTimeout(patience)
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** The interval counts from the start of a round, and varies so that many servers don't probe in step. */
  #scheduleRound(spentMs: number): void {
    const jitter = 1 + JITTER * (2 * this.#random() - 1)
    this.#roundTimer = setTimeout(
      async () => {
        const report = await this.runRound()
        if (!this.#stopped) this.#scheduleRound(report.durationMs)
      },
      Math.max(0, this.#intervalMs * jitter - spentMs),
    )
  }

  async #probeAll(): Promise<RoundReport> {
    const start = performance.now()
    const report = { ...(await this.#probeRound()), durationMs: performance.now() - start }
    this.#lastReport = report
    this.#rounds++
    if (report.outcome === 'failed') this.#failedRounds++
    this.#log.debug(report, 'monitor round')
    return report
  }

  async #probeRound(): Promise<Omit<RoundReport, 'durationMs'>> {
    const uncounted = { targets: 0, answered: 0, silent: 0, removed: 0 }
    try {
      // Draft, step 1: scan the database for existing tunnels.
      const targets = this.#lifecycle.probeTargets()
      uncounted.targets = targets.length
      if (this.#dryRun) return { ...uncounted, outcome: 'dry-run' }
      // Draft, step 2: reachability tests (ICMPv6 echo/reply), all in one batch.
      const replied = await this.#prober.probe(
        targets.map(target => target.ipv6Client),
        { timeoutMs: this.#timeoutMs, signal: this.#stopping.signal },
      )
      if (this.#stopped) return { ...uncounted, outcome: 'stopped' } // those not asked yet are not silent
      // Draft, steps 3 and 4: count the silent, take down those over the threshold.
      const answered = targets.filter(target => replied.has(target.ipv6Client)).map(target => target.id)
      const silent = targets.filter(target => !replied.has(target.ipv6Client)).map(target => target.id)
      this.#warnOfSilence(answered.length, silent.length)
      const { removed } = await this.#lifecycle.recordRound({ answered, silent })
      return {
        outcome: 'recorded',
        targets: targets.length,
        answered: answered.length,
        silent: silent.length,
        removed,
      }
    } catch (error) {
      this.#log.error({ reason: reasonOf(error) }, 'monitor round failed: nothing was counted')
      return { ...uncounted, outcome: 'failed' }
    }
  }

  #warnOfSilence(answered: number, silent: number): void {
    if (answered === 0 && this.#answeredBefore > CROWD) {
      this.#log.warn(
        { silent, answeredBefore: this.#answeredBefore },
        'no tunnel answers any more: is our own connection down?',
      )
    }
    this.#answeredBefore = answered
  }

  async #bringUpAll(): Promise<void> {
    while (this.#woken && !this.#stopped) {
      this.#woken = false
      await this.#bringUp()
    }
    this.#bringingUp = undefined // in the tick of the last look at #woken: no wake falls in between
  }

  /** Draft, steps 5 and 6: scan for new tunnels; create the interface, change the entry, add to DNS. */
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
    this.#failedBringUps++
    if (this.#stopped) return
    const retryInMs = this.#backOff.failed()
    if (retryInMs !== undefined) {
      this.#log.warn({ ...facts, retryInMs }, 'new tunnels could not be brought up')
    }
  }

  #reconcile(): void {
    this.#reconciling ??= this.#reconcileOnce().finally(() => {
      this.#reconciling = undefined
    })
  }

  async #reconcileOnce(): Promise<void> {
    try {
      const { made, removed, faults } = await this.#lifecycle.reconcile()
      if (made.length + removed.length > 0) {
        this.#log.info({ made: made.length, removed: removed.length }, 'interfaces reconciled with the table')
      }
      if (faults.length === 0) return
      this.#log.warn(
        { faults: faults.slice(0, LOGGED_FAULTS), count: faults.length },
        'interfaces differ from the table',
      )
    } catch (error) {
      this.#log.error({ reason: reasonOf(error) }, 'interfaces could not be reconciled with the table')
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
