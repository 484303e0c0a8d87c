import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { PROBLEMS, type ProblemCode } from '../shared/problem.ts'
import { DurationHistogram } from './duration-histogram.ts'
import { ANSWER_DURATION, type Figures, METRICS, type MetricRow } from './metric-table.ts'

/** How often the lag of the event loop is looked at: an idle server need not wake a hundred times a second for it. */
const EVENT_LOOP_PRECISION_MS = 100
/**
 * Memory, CPU, descriptors and event loop under the names that dashboards for Node look for. One for the process: its
 * observers are never let go, and would keep whatever it was once made for.
 */
let ofProcess: Registry | undefined
/** Gauges of prom-client that are named as counters are; each has a sibling by type without the suffix. */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
]

/** The process's metrics in Prometheus text form. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #auditRuns: Counter
  readonly #auditDifferences: Counter
  readonly #registrations: Counter
  readonly #refusals: Counter<'code'>
  readonly #onFault: (error: unknown) => void

  /** `onFault` is told of figures that could not be read: they are left out, and the others are given. */
  constructor(figures: Figures, onFault: (error: unknown) => void) {
    this.#onFault = onFault
    processRegistry() // the event loop is watched from now on
    for (const row of METRICS) this.#add(row, figures)
    const { read, ...named } = ANSWER_DURATION
    this.#registry.registerMetric(new DurationHistogram({ ...named, read: () => read(figures) }))
    this.#auditRuns = this.#counter('freenet6_audit_runs_total', 'Comparisons of DNS with the tunnel table')
    this.#auditDifferences = this.#counter(
      'freenet6_audit_differences_total',
      'Rrsets that differed between DNS and the tunnel table and were healed',
    )
    this.#registrations = this.#counter('freenet6_registrations_total', 'Tunnels registered')
    this.#refusals = new Counter({
      name: 'freenet6_refusals_total',
      help: 'Problems that requests to pages, API and update protocol were refused for, by code',
      labelNames: ['code'],
      registers: [this.#registry],
    })
    for (const code of Object.keys(PROBLEMS)) this.#refusals.inc({ code }, 0) // a first one is an increase
  }

  countAudit(differences: number): void {
    this.#auditRuns.inc()
    this.#auditDifferences.inc(differences)
  }

  countRegistration(): void {
    this.#registrations.inc()
  }

  countRefusal(code: ProblemCode): void {
    this.#refusals.inc({ code })
  }

  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    const [process, own] = await Promise.all([processRegistry().metrics(), this.#registry.metrics()])
    return { contentType: this.#registry.contentType, body: process + own }
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] })
  }

  /** The rooms count in plain numbers and shared memory: a scrape reads them. */
  #add({ kind, name, help, label, read }: MetricRow, figures: Figures): void {
    const shared = { name, help, labelNames: label === undefined ? [] : [label], registers: [this.#registry] }
    const samples = () => this.#samples(() => samplesOf(read(figures), label))
    if (kind === 'gauge') {
      new Gauge({
        ...shared,
        collect() {
          this.reset()
          const known = samples()
          if (known === undefined && label === undefined) this.remove() // it is 0 after a reset
          for (const { labels, value } of known ?? []) this.set(labels, value)
        },
      })
      return
    }
    new Counter({
      ...shared,
      collect() {
        this.reset()
        const known = samples()
        if (known === undefined && label === undefined) this.remove()
        for (const { labels, value } of known ?? []) this.inc(labels, value)
      },
    })
  }

  #samples(read: () => readonly Sample[]): readonly Sample[] | undefined {
    try {
      return read()
    } catch (error) {
      this.#onFault(error)
      return undefined
    }
  }
}

interface Sample {
  readonly labels: Record<string, string>
  readonly value: number
}

function samplesOf(
  read: number | Readonly<Record<string, number>>,
  label: string | undefined,
): readonly Sample[] {
  if (typeof read === 'number') return [{ labels: {}, value: read }]
  return Object.entries(read).map(([key, value]) => ({
    labels: label === undefined ? {} : { [label]: key },
    value,
  }))
}

function processRegistry(): Registry {
  if (ofProcess !== undefined) return ofProcess
  ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS })
  for (const name of MISNAMED) ofProcess.removeSingleMetric(name)
  return ofProcess
}
