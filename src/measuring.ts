import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import type { DnsServing } from './dns-serving.ts'
import { cached } from './health/cached.ts'
import type { Figures } from './health/metric-table.ts'
import { Metrics } from './health/metrics.ts'
import { zoneSerials } from './health/serials.ts'
import type { LastResort } from './last-resort.ts'
import type { HeldSockets } from './listen/held-sockets.ts'
import type { HandoverCounts } from './mail/handover-counts.ts'
import type { Monitor } from './monitor/monitor.ts'
import type { Secondaries } from './secondary/secondaries.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import type { Log } from './shared/log.ts'
import type { LogOutput } from './shared/log-output.ts'
import { VERSION } from './shared/version.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import { poolRoom } from './tunnel/address-pool.ts'

const METRICS_CACHE_MS = 5000

/** What the service tells of itself in numbers. */
export function measured(
  config: Config,
  parts: {
    readonly broker: Broker
    readonly dns: DnsServing
    readonly secondaries: Secondaries
    readonly monitor: Monitor
    readonly handovers: HandoverCounts
    readonly output: LogOutput
    readonly log: Log
  },
): Metrics {
  const { broker, dns, secondaries, monitor, handovers, output, log } = parts
  const figures: Figures = {
    version: VERSION,
    tunnels: cached(METRICS_CACHE_MS, () => ({ ...broker.table.countByState() })),
    capacity: Math.min(config.tunnel.max_tunnels, poolRoom(config.tunnel.prefix)),
    failedZones: () => broker.statics.failures.length,
    serials: cached(METRICS_CACHE_MS, () => zoneSerials(broker.catalog)),
    engine: () => dns.counts(),
    sockets: () => dns.listeners.stats,
    threadRestarts: () => dns.threadRestarts,
    table: () => broker.catalog.memory(),
    monitor: () => monitor.figures(),
    logLinesDropped: () => output.dropped,
    traffic: () => broker.traffic.total,
    walBytes: () => broker.store.walBytes,
    journalBytes: () => broker.store.journal.bytes,
    noticesWaiting: () => broker.table.notices.count(),
    handovers: () => handovers,
    notify: () => ({ ...secondaries.counts }),
    lags: () => secondaries.lags(),
    tlsExpiries: () => dns.listeners.tlsExpiries,
  }
  return new Metrics(figures, error => {
    if (storageFaultOf(error) === undefined)
      log.error({ err: error }, 'a figure for /metrics could not be read')
    else broker.store.noteFault(error)
  })
}

/** What is amiss at this moment, a line each. */
export function troublesOf(parts: {
  readonly lastResort: Pick<LastResort, 'troubles'>
  readonly broker: Pick<Broker, 'statics' | 'store' | 'table' | 'interfaces'>
  readonly monitor: Pick<Monitor, 'trouble'>
  readonly dns: { readonly listeners: Pick<DnsServing['listeners'], 'tlsTroubles' | 'pending' | 'unbound'> }
  readonly sockets: Pick<HeldSockets, 'absent'> | undefined
}): readonly string[] {
  const { lastResort, broker, monitor, dns, sockets } = parts
  return [
    ...lastResort.troubles(),
    ...broker.statics.failures,
    ...broker.store.troubles.map(({ code, reason }) => `${code}: ${reason}`),
    ...misfitOf(broker.table),
    ...kernelTroubles(monitor.trouble(), broker.interfaces.trouble()),
    ...dns.listeners.tlsTroubles,
    ...dns.listeners.unbound.map(({ message }) => message),
    ...[...dns.listeners.pending, ...(sockets?.absent ?? [])].map(
      endpoint => `${formatEndpoint(endpoint)}: the address is not there yet`,
    ),
  ]
}

/** What the driver misses the monitor names too, with more words, once it has compared the kernel. */
export function kernelTroubles(monitors: string | undefined, drivers: string | undefined): readonly string[] {
  const isTold = drivers !== undefined && monitors?.includes(drivers) === true
  return [monitors, isTold ? undefined : drivers].filter(trouble => trouble !== undefined)
}

/** A broken row or two are an edit by hand; more broken rows than sound ones are another configuration than the table's. */
function misfitOf(table: Broker['table']): readonly string[] {
  const { brokenCount: broken } = table
  const rows = broken === 0 ? 0 : table.count() + table.dormant.count()
  if (broken * 2 <= rows || broken === 0) return []
  const remedy = 'put the former configuration back, or mend or delete the rows (tunnel list)'
  return [`${broken} of ${rows} rows of the database can not be used with this configuration: ${remedy}`]
}
