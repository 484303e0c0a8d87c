import type { Prober } from '../echo/prober.ts'
import { runIp } from '../kernel/ip-command.ts'
import type { Log } from '../shared/log.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import { BringUp } from './bring-up.ts'
import { defaultGateways, type Gateway } from './default-gateways.ts'
import { Listening } from './listening.ts'
import type { MonitoredTunnels } from './monitored-tunnels.ts'
import { Reconciler } from './reconciler.ts'
import { type RoundOptions, Rounds } from './round.ts'
import { failedRound, NOTHING, type RoundReport } from './round-report.ts'
import { type HeardGateways, Uplink } from './uplink.ts'

export interface MonitorOptions {
  readonly lifecycle: MonitoredTunnels
  readonly prober: Prober
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Addresses whose silence, all together, means that we are cut off. */
  readonly anchors: readonly string[]
  readonly log: Log
  /** The interfaces exist in memory alone: nobody can answer, and nobody is taken down for it. */
  readonly dryRun: boolean
  /** Puts right what all tunnels share. */
  readonly prepare: () => Promise<readonly LinkFault[]>
  /** Which gateways answered a process before; none unless given. */
  readonly heard?: HeardGateways
  /** Is told what each round has counted. */
  readonly onCounted?: RoundOptions['onCounted']
  /** For tests: 0 up to 1, as Math.random. */
  readonly random?: () => number
  /** For tests: the routing table's default gateways. */
  readonly readGateways?: () => Promise<readonly Gateway[] | undefined>
}

type TimedReport = RoundReport & { readonly durationMs: number }

const JITTER = 0.1
/**
 * How long a stop waits for the kernel and the database; what is not done then is done at the next start. Requests, which
 * end after this, have a second, and all together four.
 */
const STOP_PATIENCE_MS = 2000

/**
 * The draft's tunnel monitor. Steps 1–4 run in rounds, steps 5–6 when a registration wakes it; the two never wait for
 * each other, and neither overlaps itself.
 *
 *     timer ──▶ round:    1 scan ─▶ 2 echo ─▶ 3 count ─▶ 4 take down
 *     wake  ──▶ bring-up: 5 scan for new ─▶ 6 interface, entry, DNS
 *     start, hourly, changes of the kernel ──▶ reconcile
 *     timer ──▶ listening: dormant tunnels whose clients send again ─▶ interface, entry, DNS
 */
export class Monitor {
  readonly #intervalMs: number
  readonly #log: Log
  readonly #dryRun: boolean
  readonly #random: () => number
  readonly #lifecycle: MonitoredTunnels
  readonly #stopping = new AbortController()
  readonly #bringUp: BringUp
  readonly #reconciler: Reconciler
  readonly #rounds: Rounds
  readonly #listening: Listening
  #roundTimer: NodeJS.Timeout | undefined
  #round: Promise<TimedReport> | undefined
  #lastReport: TimedReport | undefined
  #count = 0
  #failed = 0

  constructor(options: MonitorOptions) {
    const { lifecycle, log, anchors, timeoutMs, prober } = options
    this.#lifecycle = lifecycle
    this.#intervalMs = options.intervalMs
    this.#log = log
    this.#dryRun = options.dryRun
    this.#random = options.random ?? Math.random
    this.#bringUp = new BringUp(lifecycle, log)
    this.#listening = new Listening(lifecycle, log)
    const prepare = options.dryRun ? async () => [] : options.prepare
    this.#reconciler = new Reconciler({ lifecycle, prepare, log })
    const readGateways = options.readGateways ?? (() => defaultGateways(runIp))
    this.#rounds = new Rounds({
      lifecycle,
      prober,
      timeoutMs,
      log,
      uplink: new Uplink({ anchors, readGateways, heard: options.heard }),
      mendings: () => this.#reconciler.mendings,
      signal: this.#stopping.signal,
      ...(options.onCounted === undefined ? {} : { onCounted: options.onCounted }),
    })
  }

  /**
   * Reconciles kernel and table, brings up what is new, and starts the timers. Resolves when kernel and table have been
   * compared for the first time, with whatever outcome.
   */
  start(): Promise<void> {
    if (this.#dryRun) this.#log.info({}, 'dry run: tunnels are not probed and none is removed for silence')
    const compared = this.#reconciler.start()
    this.wake()
    this.#listening.start()
    this.#scheduleRound(0)
    return compared
  }

  /** Brings up new tunnels at once. Many calls in a row cost one pass, and one during a pass makes another follow. */
  wake(): void {
    this.#bringUp.wake()
  }

  /** Somebody has changed links, addresses or routes: kernel and table are compared soon. */
  kernelChanged(): void {
    this.#reconciler.soon()
  }

  /** Somebody has taken away what tunnels need: it is mended within seconds. */
  kernelHarmed(): void {
    this.#reconciler.harmed()
  }

  /**
   * A setting that all tunnels need is wrong, or nobody knows what the kernel has of a tunnel: it is mended soon, and silence
   * meanwhile is asked about twice.
   */
  kernelTroubled(): void {
    this.#reconciler.noteTrouble()
  }

  /** Runs one round, or joins the one that runs. Never rejects. */
  runRound(): Promise<TimedReport> {
    this.#round ??= this.#timedRound().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  /**
   * Why the service is not well as far as the monitor knows: an outage of our own, and since when; or something that all
   * tunnels need and the kernel does not give, such as the source filter.
   */
  trouble(): string | undefined {
    const outage = this.#rounds.outage
    if (outage !== undefined) return `cut off since ${outage.since.toISOString()}: ${outage.reason}`
    const [missing] = this.#reconciler.unprepared
    return missing && `the kernel is not as tunnels need it: ${missing.reason}`
  }

  /** What the kernel does not give and tunnels do without, a sentence each: the service is well all the same. */
  warnings(): readonly string[] {
    return this.#reconciler.warnings.map(({ reason }) => reason)
  }

  /** Figures for the metrics: of the last round, and counts since the start. */
  figures(): Readonly<Record<string, number>> {
    const last = this.#lastReport
    const outage = this.#rounds.outage
    return {
      targets: last?.targets ?? 0,
      answered: last?.answered ?? 0,
      silent: last?.silent ?? 0,
      unknown: last?.unknown ?? 0,
      removed: last?.removed ?? 0,
      duration_ms: Math.round(last?.durationMs ?? 0),
      rounds: this.#count,
      failed_rounds: this.#failed,
      failed_bring_ups: this.#bringUp.failures,
      kernel_faults: this.#reconciler.unprepared.length,
      own_outage_since: outage === undefined ? 0 : Math.floor(outage.since.getTime() / 1000),
    }
  }

  /** Ends the timers and the probe; a round that was cut short counts nothing. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#roundTimer)
    const work = Promise.all([
      this.#round,
      this.#bringUp.stop(),
      this.#listening.stop(),
      this.#reconciler.stop(),
    ])
    let patience: NodeJS.Timeout | undefined
    const tooLong = new Promise(resolve => {
      patience = setTimeout(resolve, STOP_PATIENCE_MS)
    })
    await Promise.race([work, tooLong])
    clearTimeout(patience)
  }

  /** The interval counts from the start of a round, and varies so that many servers don't probe in step. */
  #scheduleRound(spentMs: number): void {
    const jitter = 1 + JITTER * (2 * this.#random() - 1)
    this.#roundTimer = setTimeout(
      async () => {
        const report = await this.runRound()
        if (!this.#stopping.signal.aborted) this.#scheduleRound(report.durationMs)
      },
      Math.max(0, this.#intervalMs * jitter - spentMs),
    )
  }

  async #timedRound(): Promise<TimedReport> {
    const start = performance.now()
    const round = this.#dryRun ? await this.#dryRound() : await this.#rounds.run()
    const report = { ...round, durationMs: performance.now() - start }
    this.#lastReport = report
    this.#count++
    if (report.outcome === 'failed') this.#failed++
    this.#log.debug(report, 'monitor round')
    return report
  }

  /** Counts them alone. Never rejects. */
  async #dryRound(): Promise<RoundReport> {
    try {
      const { length: targets } = await this.#lifecycle.probeTargets()
      return { ...NOTHING, outcome: 'dry-run', targets }
    } catch (error) {
      return failedRound(error, this.#log)
    }
  }
}
