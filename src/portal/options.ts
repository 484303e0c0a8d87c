import type { Prefix } from '../address/prefix.ts'
import type { Prober } from '../echo/prober.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { PublishedNames } from '../lifecycle/published-names.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { Census } from '../observation/census.ts'
import type { History } from '../observation/history.ts'
import type { TrafficCounts } from '../observation/traffic-counts.ts'
import type { Turnover } from '../observation/turnover.ts'
import type { Admission } from '../registration/admission.ts'
import type { Customers } from '../registration/customers.ts'
import type { EntryRules } from '../registration/entry-rules.ts'
import type { Endpoint } from '../shared/endpoint.ts'
import type { Log } from '../shared/log.ts'
import type { ProblemCode } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { MtuFacts } from '../tunnel/mtu.ts'
import type { Words } from '../words/words.ts'
import type { OperatingSystems } from './operating-systems.ts'
import type { WireguardFacts } from './script-values.ts'

/** What the pages say about the service. */
export interface ServiceFacts extends MtuFacts {
  readonly origin: string
  readonly reverseApex: string
  readonly serverIpv4: string
  /** The tunnel prefix as text. */
  readonly prefix: string
  readonly wireguard: WireguardFacts
  /** Names of the kinds that can be registered. */
  readonly offered: readonly string[]
  /** Bits of a routed prefix that a tunnel can have; 0: it can have none. */
  readonly routedLength: number
  /** Seconds. */
  readonly ttl: number
  /** How often each tunnel is probed, in milliseconds, and how many echoes it may miss. */
  readonly probeIntervalMs: number
  readonly threshold: number
  /** How long a tunnel may wait for its first answer, and how long a dormant one is kept, in milliseconds. */
  readonly firstAnswerMs: number
  readonly keepMs: number
  /** Seconds for which resolvers keep that a name is not there, as the forward zone says now. */
  readonly negativeTtl: () => number
  readonly demo: boolean
  readonly dryRun: boolean
}

export interface PortalOptions {
  readonly listen: Endpoint
  /** A descriptor that listens there already, to be taken over. */
  readonly socket?: number | undefined
  /** What the process before has kept: see `Portal.retire`. */
  readonly inherited?: unknown
  /** Empty: the address listened on. */
  readonly publicUrl: string
  /** Where visitors come over IPv4 alone; empty: there is no such name. */
  readonly ipv4Url: string
  readonly trustedProxies: readonly Prefix[]
  readonly registrationsPerHour: number
  /** Who may read /metrics. */
  readonly metricsFrom: readonly Prefix[]
  readonly connectionsPerAddress: number
  /** Where to tell of a weakness, a URL: what is configured, or else who the origin's SOA names now. */
  readonly securityContact: () => string
  readonly facts: ServiceFacts
  /** What the addresses of tunnels and of the networks behind them are taken from. */
  readonly pools: readonly Prefix[]
  readonly customers: Customers
  readonly census: Census
  readonly history: History
  readonly traffic: Pick<TrafficCounts, 'of'>
  /** Follows what is committed while the portal is there. */
  readonly turnover: Turnover
  readonly published: PublishedNames
  readonly table: TunnelReader
  /** Where commits are heard of, and told what could not be read. */
  readonly store: Pick<TunnelStore, 'onCommitted' | 'noteFault'>
  /** Pings tunnels whose page is open; a reply may take `probeTimeoutMs`. */
  readonly prober: Prober
  readonly probeTimeoutMs: number
  readonly lifecycle: Lifecycle
  readonly admission: Admission
  /** Where owners are told, and the links in what they are sent. */
  readonly correspondence: Correspondence
  readonly entry: Pick<EntryRules, 'areInvitationsRequired'>
  readonly selfCheck: {
    check(): Promise<
      { readonly kind: 'healthy' } | { readonly kind: 'unhealthy'; readonly reasons: readonly string[] }
    >
  }
  /** Why this is no time to send queries and visitors here, a sentence each; empty: it is. */
  readonly unready: () => readonly string[]
  readonly metrics: { text(): Promise<{ readonly contentType: string; readonly body: string }> }
  /** Hears of each request that was refused: for what, to whom, and of what path. */
  readonly onRefused?: (
    codes: readonly ProblemCode[],
    request: { readonly address: string; readonly path: string },
  ) => void
  readonly words: Words
  readonly systems: OperatingSystems
  readonly log: Log
}
