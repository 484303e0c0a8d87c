import type { Counts } from '../engine/counts.ts'
import type { Durations } from '../shared/durations.ts'

/** Counts of the DNS sockets of one transport. */
interface SocketCounts {
  readonly replies: number
  readonly silences: number
  readonly errors: number
  readonly faults: number
}

/** Figures that rooms hold as plain numbers, read when Prometheus asks. None may cost a walk through the table. */
export interface Figures {
  readonly version: string
  readonly tunnels: () => Readonly<Record<string, number>>
  /** Tunnels that there can be at most. */
  readonly capacity: number
  /** Zones that are not served as their file has them. */
  readonly failedZones: () => number
  /** Serial by the name of the zone. */
  readonly serials: () => Readonly<Record<string, number>>
  readonly engine: () => Counts
  readonly sockets: () => {
    readonly udp: SocketCounts & { readonly datagrams: number; readonly dropped: number }
    readonly tcp: SocketCounts & {
      readonly queries: number
      readonly connections: number
      readonly open: number
      readonly evictions: number
      readonly timeouts: number
    }
    readonly durations: { readonly udp: Durations; readonly tcp: Durations }
  }
  readonly threadRestarts: () => number
  /** Bytes of the table of names, and the versions of it that are held. */
  readonly table: () => { readonly used: number; readonly touched: number; readonly heldVersions: number }
  readonly monitor: () => Readonly<Record<string, number>>
  readonly logLinesDropped: () => number
  /** What has passed all tunnels. */
  readonly traffic: () => { readonly received: number; readonly sent: number }
  /** Octets of the database's write-ahead log. */
  readonly walBytes: () => number
  /** Octets of the differences that are kept for secondaries. */
  readonly journalBytes: () => number
  /** Notices to owners that nobody has taken yet. */
  readonly noticesWaiting: () => number
  /** Tries to hand them over, by what became of them and by way. */
  readonly handovers: () => Readonly<Record<'taken' | 'refused' | 'failed', Readonly<Record<string, number>>>>
  /** NOTIFYs by what became of them. */
  readonly notify: () => Readonly<Record<string, number>>
  /** Serials that each secondary is behind, as far as that is known. */
  readonly lags: () => Readonly<Record<string, number>>
  /** UTC seconds by address. */
  readonly tlsExpiries: () => Readonly<Record<string, number>>
}

/** One metric: its name and help as Prometheus sees them, and where its value, or one by label, comes from. */
export interface MetricRow {
  readonly kind: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  readonly label?: string
  readonly read: (figures: Figures) => number | Readonly<Record<string, number>>
}

const MILLISECONDS = 1000

/** How long answers took, by transport. */
export const ANSWER_DURATION = {
  name: 'freenet6_dns_answer_duration_seconds',
  help: 'Time from taking a message from its socket to handing the reply over, by transport; over UDP that of its batch',
  label: 'transport',
  read: ({ sockets }: Figures) => ({ ...sockets().durations }),
} as const

/** Every metric that is read at a scrape. Counters end in `_total`; each metric has one unit, named if it has one. */
export const METRICS: readonly MetricRow[] = [
  {
    kind: 'gauge',
    name: 'freenet6_build_info',
    help: 'The version that runs; always 1',
    label: 'version',
    read: ({ version }) => ({ [version]: 1 }),
  },
  {
    kind: 'gauge',
    name: 'freenet6_tunnels',
    help: 'Tunnels by state',
    label: 'state',
    read: ({ tunnels }) => tunnels(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_tunnel_capacity',
    help: 'Tunnels that there can be at most: tunnel.max_tunnels, or what the prefix has room for',
    read: ({ capacity }) => capacity,
  },
  {
    kind: 'gauge',
    name: 'freenet6_failed_zones',
    help: 'Zones that are not served as their file has them: SERVFAIL, or as they were before a reload',
    read: ({ failedZones }) => failedZones(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_zone_serial',
    help: 'Serial of each zone, of the first hundred',
    label: 'zone',
    read: ({ serials }) => serials(),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_queries_total',
    help: 'DNS messages that came in, by transport',
    label: 'transport',
    read: byTransport(({ udp, tcp }) => ({ udp: udp.datagrams, tcp: tcp.queries })),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_sent_total',
    help: 'Replies that were sent, by transport',
    label: 'transport',
    read: byTransport(({ udp, tcp }) => ({ udp: udp.replies, tcp: tcp.replies })),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_silences_total',
    help: 'DNS messages that got no reply on purpose, by transport',
    label: 'transport',
    read: byTransport(({ udp, tcp }) => ({ udp: udp.silences, tcp: tcp.silences })),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_replies_total',
    help: 'Replies by rcode',
    label: 'rcode',
    read: ({ engine }) => repliesByRcode(engine()),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_questions_total',
    help: 'Questions by type; the types that are seldom asked for are other',
    label: 'qtype',
    read: ({ engine }) => questionsByType(engine()),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_ignored_total',
    help: 'DNS messages whose header alone says that no reply is due',
    read: ({ engine }) => engine().dropped,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_limited_total',
    help: 'Replies over the rate limit: left out, or sent truncated or as BADCOOKIE',
    label: 'passage',
    read: ({ engine }) => {
      const { limited, slipped } = engine()
      return { dropped: limited, slipped }
    },
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_truncated_total',
    help: 'Replies with TC',
    read: ({ engine }) => engine().truncated,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_cookies_total',
    help: 'Server cookies that came in: ours and in time, or not',
    label: 'validity',
    read: ({ engine }) => {
      const { validCookies, invalidCookies } = engine()
      return { valid: validCookies, invalid: invalidCookies }
    },
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_tsig_errors_total',
    help: 'Queries whose signature was not accepted',
    read: ({ engine }) => engine().badtsig,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_transfers_total',
    help: 'Zone transfers that were sent whole: of all the zone, of what has changed, or of the SOA because nothing has',
    label: 'kind',
    read: ({ engine }) => {
      const { fullTransfers, incrementalTransfers, currentTransfers } = engine()
      return { full: fullTransfers, incremental: incrementalTransfers, current: currentTransfers }
    },
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_overloaded_transfers_total',
    help: 'Zone transfers that were allowed and refused for load, at once or after a minute in which it was not their turn',
    read: ({ engine }) => engine().overloadedTransfers,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_broken_transfers_total',
    help: 'Zone transfers that ended before their last message',
    read: ({ engine }) => engine().brokenTransfers,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_faults_total',
    help: 'Queries that met a defect of ours',
    read: ({ engine, sockets }) => {
      const { udp, tcp } = sockets()
      return engine().faults + udp.faults + tcp.faults
    },
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_socket_errors_total',
    help: 'Errors that the system reported for a DNS socket, by transport',
    label: 'transport',
    read: byTransport(({ udp, tcp }) => ({ udp: udp.errors, tcp: tcp.errors })),
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_unsent_total',
    help: 'UDP replies that found the send queue full',
    read: ({ sockets }) => sockets().udp.dropped,
  },
  {
    kind: 'gauge',
    name: 'freenet6_dns_tcp_open',
    help: 'DNS connections that are open now',
    read: ({ sockets }) => sockets().tcp.open,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_tcp_connections_total',
    help: 'DNS connections that were accepted',
    read: ({ sockets }) => sockets().tcp.connections,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_tcp_evictions_total',
    help: 'DNS connections closed to make room for a new one',
    read: ({ sockets }) => sockets().tcp.evictions,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_tcp_timeouts_total',
    help: 'DNS connections closed because the peer took too long',
    read: ({ sockets }) => sockets().tcp.timeouts,
  },
  {
    kind: 'counter',
    name: 'freenet6_dns_thread_restarts_total',
    help: 'Threads that answer and had to be replaced',
    read: ({ threadRestarts }) => threadRestarts(),
  },
  {
    kind: 'counter',
    name: 'freenet6_tunnel_traffic_bytes_total',
    help: 'Octets that were received from tunnels and sent into them, as far as they were counted; of WireGuard with its headers',
    label: 'direction',
    read: ({ traffic }) => ({ received: traffic().received, sent: traffic().sent }),
  },
  {
    kind: 'gauge',
    name: 'freenet6_table_used_bytes',
    help: 'Live data in the table of names',
    read: ({ table }) => table().used,
  },
  {
    kind: 'gauge',
    name: 'freenet6_table_touched_bytes',
    help: 'Memory that the table of names has taken from the system',
    read: ({ table }) => table().touched,
  },
  {
    kind: 'gauge',
    name: 'freenet6_table_held_versions',
    help: 'Versions of the table of names that transfers hold: what has been replaced since is kept',
    read: ({ table }) => table().heldVersions,
  },
  {
    kind: 'counter',
    name: 'freenet6_monitor_rounds_total',
    help: 'Rounds of the monitor',
    read: monitorFigure('rounds'),
  },
  {
    kind: 'counter',
    name: 'freenet6_monitor_failed_rounds_total',
    help: 'Rounds that failed and counted nothing',
    read: monitorFigure('failed_rounds'),
  },
  {
    kind: 'counter',
    name: 'freenet6_monitor_failed_bring_ups_total',
    help: 'Passes over new tunnels that failed and are tried again',
    read: monitorFigure('failed_bring_ups'),
  },
  {
    kind: 'gauge',
    name: 'freenet6_kernel_faults',
    help: 'Settings that all tunnels need and the kernel does not take: route of the pool, forwarding, source filter',
    read: monitorFigure('kernel_faults'),
  },
  {
    kind: 'gauge',
    name: 'freenet6_monitor_last_round_duration_seconds',
    help: 'How long the last round took',
    read: ({ monitor }) => (monitor().duration_ms ?? 0) / MILLISECONDS,
  },
  {
    kind: 'gauge',
    name: 'freenet6_monitor_last_round_tunnels',
    help: 'Tunnels of the last round: asked, answered, silent, unknown, removed',
    label: 'outcome',
    read: ({ monitor }) => {
      const { targets = 0, answered = 0, silent = 0, unknown = 0, removed = 0 } = monitor()
      return { asked: targets, answered, silent, unknown, removed }
    },
  },
  {
    kind: 'gauge',
    name: 'freenet6_monitor_own_outage_start_timestamp_seconds',
    help: 'When the outage of our own began that lasts, in which no silence is counted; 0: there is none',
    read: monitorFigure('own_outage_since'),
  },
  {
    kind: 'counter',
    name: 'freenet6_log_lines_dropped_total',
    help: 'Lines that the log could not take',
    read: ({ logLinesDropped }) => logLinesDropped(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_database_wal_bytes',
    help: 'Write-ahead log of the database',
    read: ({ walBytes }) => walBytes(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_journal_bytes',
    help: 'Differences of zones that are kept for secondaries',
    read: ({ journalBytes }) => journalBytes(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_notices_waiting',
    help: 'Notices to owners that no mail server and no URL has taken yet',
    read: ({ noticesWaiting }) => noticesWaiting(),
  },
  {
    kind: 'counter',
    name: 'freenet6_notices_taken_total',
    help: 'Notices to owners that a mail server or a URL has taken',
    label: 'way',
    read: ({ handovers }) => ({ ...handovers().taken }),
  },
  {
    kind: 'counter',
    name: 'freenet6_notices_refused_total',
    help: 'Notices to owners that were refused for good: nobody reads there any more',
    label: 'way',
    read: ({ handovers }) => ({ ...handovers().refused }),
  },
  {
    kind: 'counter',
    name: 'freenet6_notice_failures_total',
    help: 'Tries to hand a notice over that failed and are repeated, or were the last',
    label: 'way',
    read: ({ handovers }) => ({ ...handovers().failed }),
  },
  {
    kind: 'counter',
    name: 'freenet6_notify_total',
    help: 'NOTIFYs to secondaries: sent, acknowledged, refused',
    label: 'outcome',
    read: ({ notify }) => notify(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_secondary_lag_serials',
    help: 'Serials that a secondary is behind, in the zone that it is furthest behind in; of what it has not transferred yet, since the start',
    label: 'secondary',
    read: ({ lags }) => lags(),
  },
  {
    kind: 'gauge',
    name: 'freenet6_tls_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that is shown to clients of DNS over TLS ends, or one above it in the file, whichever is first',
    label: 'address',
    read: ({ tlsExpiries }) => tlsExpiries(),
  },
]

function byTransport(
  read: (sockets: ReturnType<Figures['sockets']>) => { readonly udp: number; readonly tcp: number },
): MetricRow['read'] {
  return ({ sockets }) => ({ ...read(sockets()) })
}

function monitorFigure(figure: string): MetricRow['read'] {
  return ({ monitor }) => monitor()[figure] ?? 0
}

function questionsByType(counts: Counts): Readonly<Record<string, number>> {
  const byType = Object.entries(counts).filter(([field]) => field.startsWith('type'))
  return Object.fromEntries(byType.map(([field, count]) => [questionType(field), Number(count)]))
}

function questionType(field: string): string {
  return field === 'typeOther' ? 'other' : field.slice('type'.length)
}

function repliesByRcode(counts: Counts): Readonly<Record<string, number>> {
  const { noerror, formerr, servfail, nxdomain, notimp, refused, yxdomain, notauth, badvers, badcookie } =
    counts
  return { noerror, formerr, servfail, nxdomain, notimp, refused, yxdomain, notauth, badvers, badcookie }
}
