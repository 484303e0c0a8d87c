import { formatPrefix } from './address/prefix.ts'
import type { Broker } from './broker.ts'
import { clientFactsOf, customersOf } from './compose.ts'
import type { Config } from './config/config.ts'
import type { DnsServing } from './dns-serving.ts'
import type { Metrics } from './health/metrics.ts'
import { sampleTunnel } from './health/sample.ts'
import { SelfCheck } from './health/self-check.ts'
import { PublishedNames } from './lifecycle/published-names.ts'
import { mailtoOf } from './mail/mailto.ts'
import { Census } from './observation/census.ts'
import type { RecentRefusals } from './operator/recent-refusals.ts'
import type { AdmittanceOptions } from './portal/admittance.ts'
import type { PortalOptions, ServiceFacts } from './portal/options.ts'
import { Portal } from './portal/portal.ts'
import { isCountry } from './registration/country.ts'
import { utcSeconds } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import { Words } from './words/words.ts'

/** Milliseconds for which a verdict of the health check is given again. */
const HEALTH_CACHE_MS = 3000

/** How long a process that we take over from accepts connections over TCP beside us, with time to spare. */
const BESIDE_ANOTHER_MS = 4000

/** Serves pages, API and update protocol, with a health check that asks our own nameserver. */
export async function servePortal(
  config: Config,
  parts: {
    readonly broker: Broker
    readonly dns: Pick<DnsServing, 'listeners' | 'counts'>
    readonly metrics: Metrics
    /** What is wrong with ourselves, a sentence each. */
    readonly troubles: () => readonly string[]
    readonly unready: PortalOptions['unready']
    readonly correspondence: PortalOptions['correspondence']
    readonly recentRefusals: RecentRefusals
    readonly socket: PortalOptions['socket']
    readonly inherited: PortalOptions['inherited']
    readonly log: Log
  },
): Promise<Portal> {
  const { broker, dns, metrics, log } = parts
  const selfCheck = new SelfCheck({
    listeners: () => dns.listeners.addresses,
    ownTroubles: parts.troubles,
    zones: () => [config.origin, broker.zone.reverseApex],
    sampleTunnel: () => sampleTunnel(broker.table, broker.zone),
    limitedReplies: () => {
      const { limited, slipped } = dns.counts()
      return limited + slipped
    },
    cacheMs: HEALTH_CACHE_MS,
    besideAnotherMs: parts.inherited === undefined ? 0 : BESIDE_ANOTHER_MS,
  })
  return Portal.listen({
    ...portalOptions(config, broker),
    selfCheck,
    metrics,
    unready: parts.unready,
    correspondence: parts.correspondence,
    socket: parts.socket,
    inherited: parts.inherited,
    onRefused: (codes, request) => {
      for (const code of codes) metrics.countRefusal(code)
      parts.recentRefusals.note({ ...request, codes: [...codes], time: utcSeconds() })
    },
    words: Words.load(),
    log,
  })
}

/** What a portal takes from the configuration and from the broker that it is the web of. */
export function portalOptions(
  config: Config,
  broker: Broker,
): Omit<
  PortalOptions,
  'selfCheck' | 'metrics' | 'unready' | 'correspondence' | 'socket' | 'inherited' | 'words' | 'log'
> {
  const { web, monitor } = config
  return {
    listen: web.listen,
    publicUrl: web.public_url,
    ipv4Url: web.ipv4_url,
    securityContact: () => web.security_contact || mailtoOf(broker.zone.mailbox()),
    ...admittanceOf(config),
    facts: serviceFacts(config, broker),
    pools: [config.tunnel.prefix, config.tunnel.routed_prefix].filter(pool => pool !== undefined),
    customers: customersOf(config),
    census: new Census({ table: broker.table, isCountry }),
    history: broker.history,
    traffic: broker.traffic,
    turnover: broker.turnover,
    published: new PublishedNames(broker.catalog, broker.zone.names),
    table: broker.table,
    store: broker.store,
    prober: broker.prober,
    probeTimeoutMs: monitor.timeout,
    lifecycle: broker.lifecycle,
    admission: broker.admission,
    entry: broker.entry,
    systems: broker.systems,
  }
}

/** The keys of the configuration that `admittanceOf` reads. */
export const WEB_KEYS_AT_RUN_TIME = [
  'web.trusted_proxies',
  'web.metrics_from',
  'web.registrations_per_hour',
  'web.connections_per_address',
]

/** What of a portal may change while it serves. */
export function admittanceOf({ web }: Config): AdmittanceOptions {
  return {
    trustedProxies: web.trusted_proxies,
    metricsFrom: web.metrics_from,
    registrationsPerHour: web.registrations_per_hour,
    connectionsPerAddress: web.connections_per_address,
  }
}

function serviceFacts(config: Config, { zone, interfaces }: Broker): ServiceFacts {
  const { tunnel, monitor } = config
  return {
    origin: config.origin,
    reverseApex: zone.reverseApex,
    ...clientFactsOf(config),
    prefix: formatPrefix(tunnel.prefix),
    get offered() {
      return interfaces.offered
    },
    routedLength: tunnel.routed_prefix === undefined ? 0 : tunnel.routed_length,
    ttl: config.dns.ttl,
    probeIntervalMs: monitor.interval,
    threshold: monitor.threshold,
    firstAnswerMs: monitor.first_answer,
    keepMs: monitor.keep,
    negativeTtl: () => zone.negativeTtl(),
    demo: config.demo,
    dryRun: interfaces.kind === 'dry-run',
  }
}
