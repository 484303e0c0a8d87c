import { formatPrefix } from './address/prefix.ts'
import { type Broker, openBroker } from './broker.ts'
import { type Config, readConfig } from './config/config.ts'
import { serveDns } from './dns-serving.ts'
import { Metrics } from './health/metrics.ts'
import { sampleTunnel } from './health/sample.ts'
import { SelfCheck } from './health/self-check.ts'
import { SharedLayout } from './kind/sit/shared-layout.ts'
import type { DnsListeners } from './listen/listeners.ts'
import { Monitor } from './monitor/monitor.ts'
import { Control } from './operator/control.ts'
import { type CommandOptions, EXIT, type ExitCode } from './operator/exit.ts'
import { operatorHandler } from './operator/operator-commands.ts'
import { Portal } from './portal/portal.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import { type Log, openLog } from './shared/log.ts'
import { VERSION } from './shared/version.ts'
import { TableWatch } from './store/sqlite/table-watch.ts'

const AUDIT_INTERVAL_MS = 60_000
const HEALTH_CACHE_MS = 3000
/** The contract gives five seconds; what is not closed by then is let go. */
const STOP_DEADLINE_MS = 4000

/** Something that was started and has to be stopped; stopped in the reverse order. */
type Stop = () => Promise<void> | void

/**
 * `serve`: opens everything, prints the ready line, and resolves with the exit status once a signal has ended it.
 * A part that can't be started ends what was started before it.
 */
export async function serve(options: Pick<CommandOptions, 'config'>): Promise<ExitCode> {
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') {
    process.stderr.write(`${reading.mistakes.join('\n')}\n`)
    return EXIT.usage
  }
  const log = openLog()
  const signal = awaitSignal()
  const stops: Stop[] = []
  try {
    await start(reading.config, log, stops)
    log.info({ signal: await signal }, 'stopping')
    return EXIT.ok
  } finally {
    await stopAll(stops, log)
  }
}

async function start(config: Config, log: Log, stops: Stop[]): Promise<void> {
  log.info(
    { source: config.source, demo: config.demo, version: VERSION },
    config.demo ? 'demo: built-in values are in force' : 'configuration read',
  )
  const broker = await openBroker(config, log)
  stops.push(() => broker.close())
  log.info(
    {
      tunnels: broker.table.count(),
      origin: config.origin,
      reverse: broker.zone.reverseApex,
      driver: broker.interfaces.kind,
    },
    'table loaded',
  )

  const dns = await serveDns(config, broker, log)
  stops.push(() => dns.close())

  const monitor = new Monitor({
    lifecycle: broker.lifecycle,
    prober: broker.prober,
    intervalMs: config.monitor.interval,
    timeoutMs: config.monitor.timeout,
    dryRun: broker.interfaces.kind === 'dry-run',
    log,
  })
  const metrics = new Metrics({
    tunnels: () => ({ ...broker.table.countByState() }),
    queries: () => ({ ...dns.counts() }),
    sockets: () => dns.socketFigures(),
    table: () => broker.catalog.memory(),
    monitor: () => monitor.figures(),
  })
  stops.push(keepAudited(broker, monitor, metrics, log))
  const portal = await openPortal(config, broker, dns.listeners, metrics, log)
  stops.push(() => portal.close())

  broker.onRegistered = () => monitor.wake()
  for (const { device, reason } of await broker.interfaces.prepare())
    log.error({ device, reason }, 'the kernel could not be prepared')
  const control = await Control.listen(config.control.socket, operatorHandler(broker), log)
  stops.push(() => control.close())
  monitor.start()
  stops.push(() => monitor.stop())
  if (broker.interfaces instanceof SharedLayout) stops.push(broker.interfaces.watch(mendKernel(broker, log)))
  process.stdout.write(
    `ready dns=${dns.listeners.addresses.map(formatEndpoint).join(',')} web=${portal.url}\n`,
  )
}

async function openPortal(
  config: Config,
  broker: Broker,
  dns: DnsListeners,
  metrics: Metrics,
  log: Log,
): Promise<Portal> {
  const selfCheck = new SelfCheck({
    listeners: () => dns.addresses,
    zones: () => [config.origin, broker.zone.reverseApex],
    sampleTunnel: () => sampleTunnel(broker.table, broker.zone),
    cacheMs: HEALTH_CACHE_MS,
  })
  const { web, tunnel, monitor } = config
  return Portal.listen({
    listen: web.listen,
    publicUrl: web.public_url,
    trustedProxies: web.trusted_proxies,
    registrationsPerHour: web.registrations_per_hour,
    facts: {
      origin: config.origin,
      reverseApex: broker.zone.reverseApex,
      serverIpv4: tunnel.server_ipv4,
      prefix: formatPrefix(tunnel.prefix),
      mtu: tunnel.mtu,
      ttl: config.dns.ttl,
      probeIntervalMs: monitor.interval,
      threshold: monitor.threshold,
      demo: config.demo,
      dryRun: broker.interfaces.kind === 'dry-run',
    },
    table: broker.table,
    lifecycle: broker.lifecycle,
    admission: broker.admission,
    selfCheck,
    metrics,
    log,
  })
}

/** The audit: every minute, and at once when another program has committed to the database. */
function keepAudited(broker: Broker, monitor: Monitor, metrics: Metrics, log: Log): Stop {
  const audit = async () => {
    try {
      metrics.countAudit((await broker.audit.run()).differences)
    } catch (error) {
      log.error({ err: error }, 'audit failed')
    }
  }
  const timer = setInterval(() => void audit(), AUDIT_INTERVAL_MS)
  const watch = new TableWatch(broker.database, () => {
    log.info({}, 'another program has written to the table')
    broker.lifecycle.recount()
    monitor.wake()
    void audit()
    broker.lifecycle.reconcile().catch((error: unknown) => log.error({ err: error }, 'reconciliation failed'))
  })
  return () => {
    clearInterval(timer)
    watch.stop()
  }
}

/** Somebody else has taken away what tunnels need in the kernel. */
function mendKernel(broker: Broker, log: Log): () => void {
  return () => {
    log.warn({}, 'another program has changed the kernel’s tunnels: they are compared and mended')
    broker.lifecycle.reconcile().then(
      ({ made, removed, faults }) =>
        log.info({ made: made.length, removed: removed.length, faults }, 'mended'),
      (error: unknown) => log.error({ err: error }, 'reconciliation failed'),
    )
  }
}

function awaitSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}

async function stopAll(stops: readonly Stop[], log: Log): Promise<void> {
  const deadline = setTimeout(() => {
    log.error({}, 'not everything could be stopped in time')
    process.exit(process.exitCode ?? EXIT.ok)
  }, STOP_DEADLINE_MS)
  for (const stop of stops.toReversed()) {
    try {
      await stop()
    } catch (error) {
      log.error({ err: error }, 'a part did not stop cleanly')
    }
  }
  clearTimeout(deadline)
}
