import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** How often the lag of the event loop is looked at: an idle server need not wake a hundred times a second for it. */
const EVENT_LOOP_PRECISION_MS = 100

/** Figures that rooms hold as plain numbers, read when Prometheus asks. */
export interface Figures {
  readonly tunnels: () => Readonly<Record<string, number>>
  readonly queries: () => Readonly<Record<string, number>>
  readonly sockets: () => Readonly<Record<string, number>>
  /** Bytes of the table of names. */
  readonly table: () => { readonly used: number; readonly touched: number }
  readonly monitor: () => Readonly<Record<string, number>>
}

/** The process's metrics in Prometheus text form. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #auditRuns: Counter
  readonly #auditDifferences: Counter

  constructor(figures: Figures) {
    const registers = [this.#registry]
    // Memory, CPU, descriptors and event loop under the names that dashboards for Node look for.
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS,
    })
    this.#auditRuns = new Counter({
      name: 'freenet6_audit_runs_total',
      help: 'Comparisons of DNS with the tunnel table',
      registers,
    })
    this.#auditDifferences = new Counter({
      name: 'freenet6_audit_differences_total',
      help: 'Records that differed between DNS and the tunnel table and were healed',
      registers,
    })
    gauge(registers, 'freenet6_tunnels', 'Tunnels by state', 'state', figures.tunnels)
    gauge(
      registers,
      'freenet6_dns_messages',
      'DNS messages since start, by what became of them',
      'outcome',
      figures.queries,
    )
    gauge(
      registers,
      'freenet6_dns_sockets',
      'DNS sockets and responder threads since start; tcp_open: connections now',
      'figure',
      figures.sockets,
    )
    gauge(registers, 'freenet6_table_bytes', 'Memory of the table of names', 'figure', () => ({
      ...figures.table(),
    }))
    gauge(
      registers,
      'freenet6_monitor_last_round',
      'Figures of the last monitor round',
      'figure',
      figures.monitor,
    )
  }

  countAudit(differences: number): void {
    this.#auditRuns.inc()
    this.#auditDifferences.inc(differences)
  }

  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }
}

function gauge(
  registers: Registry[],
  name: string,
  help: string,
  label: string,
  read: () => Readonly<Record<string, number>>,
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers,
    collect() {
      for (const [key, value] of Object.entries(read())) this.set({ [label]: key }, value)
    },
  })
}
