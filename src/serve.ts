import { keepAudited } from './auditing.ts'
import type { Broker } from './broker.ts'
import { compose, ENTRY_KEYS_AT_RUN_TIME, entryOf } from './compose.ts'
import { type Config, readConfig } from './config/config.ts'
import { tlsFileMistakes } from './config/tls-rules.ts'
import { DNS_KEYS_AT_RUN_TIME, serveDns } from './dns-serving.ts'
import { followed, SECONDARIES_AT_RUN_TIME, secondariesOf } from './following.ts'
import { cached } from './health/cached.ts'
import { Metrics } from './health/metrics.ts'
import { zoneSerials } from './health/serials.ts'
import { keepHistories } from './kept-histories.ts'
import { LastResort } from './last-resort.ts'
import { loadLibc } from './listen/libc.ts'
import type { DnsListeners } from './listen/listeners.ts'
import { ServiceManager } from './listen/service-manager.ts'
import { correspondenceOf, tellOwners } from './mail-serving.ts'
import { KernelWatch } from './monitor/kernel-watch.ts'
import { Monitor } from './monitor/monitor.ts'
import { operatedBroker } from './operated.ts'
import type { Operated } from './operator/command.ts'
import { operatorHandler } from './operator/commands.ts'
import { Control } from './operator/control.ts'
import { type CommandOptions, EXIT, type ExitCode } from './operator/exit.ts'
import { RecentRefusals } from './operator/recent-refusals.ts'
import { admittanceOf, servePortal, WEB_KEYS_AT_RUN_TIME } from './portal-serving.ts'
import { Reload } from './reloading.ts'
import { killChildren } from './shared/child.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import { changeLevel, type LeveledLog, type Log, openLog } from './shared/log.ts'
import { LogOutput } from './shared/log-output.ts'
import { VERSION } from './shared/version.ts'
import { poolRoom } from './tunnel/address-pool.ts'

const METRICS_CACHE_MS = 5000
/** The contract gives five seconds; what is not closed by then is let go. */
const STOP_DEADLINE_MS = 4000

/** What the service manager shows of a process that serves. */
const SERVING = 'serving'

/** Something that was started and has to be stopped; stopped in the reverse order. */
type Stop = () => Promise<void> | void

/**
 * `serve`: opens everything, prints the ready line, and resolves with the exit status once a signal has ended it.
 * A part that can't be started ends what was started before it.
 */
export async function serve(options: Pick<CommandOptions, 'config'>): Promise<ExitCode> {
  const reading = readConfig(options.config)
  const mistakes = reading.kind === 'mistakes' ? reading.mistakes : tlsFileMistakes(reading.config)
  if (reading.kind === 'mistakes' || mistakes.length > 0) {
    process.stderr.write(`${mistakes.join('\n')}\n`)
    return EXIT.usage
  }
  const output = new LogOutput()
  const log = openLog(reading.config.log.level, output)
  const signal = awaitSignal()
  const manager = new ServiceManager(await loadLibc(), process.env)
  if (manager.isMute) log.warn({}, 'the service manager can not be told when all is ready: koffi is missing')
  let reload: Pick<Reload, 'run'> | undefined
  process.on('SIGHUP', () => void reload?.run()) // while it starts everything is read anyway
  // Without a listener Node opens its inspector, and who reaches that port runs what code they like.
  process.on('SIGUSR1', () => log.warn({ signal: 'SIGUSR1' }, 'a signal without a meaning here'))
  const stops: Stop[] = []
  try {
    reload = await start(reading.config, { log, output, manager, warnings: reading.warnings }, stops)
    log.info({ signal: await signal }, 'stopping')
    return EXIT.ok
  } finally {
    manager.tell('stopping', 'stopping')
    await stopAll(stops, log)
    manager.close()
  }
}

async function start(
  config: Config,
  {
    log,
    output,
    manager,
    warnings,
  }: {
    readonly log: LeveledLog
    readonly output: LogOutput
    readonly manager: ServiceManager
    readonly warnings: readonly string[]
  },
  stops: Stop[],
): Promise<Pick<Reload, 'run'>> {
  log.info(
    { source: config.source, demo: config.demo, version: VERSION },
    config.demo ? 'demo: built-in values are in force' : 'configuration read',
  )
  for (const warning of warnings) log.warn({}, warning)
  const broker = await compose(config, { log, unreadableTable: 'serve-without' })
  stops.push(() => broker.close())
  log.info(
    {
      tunnels: broker.table.count(),
      origin: config.origin,
      reverse: broker.zone.reverseApex,
      driver: broker.interfaces.kind,
      prober: broker.prober.kind,
    },
    'table loaded',
  )

  const following = followed(config, { broker, log })
  const { secondaries } = following
  const dns = await serveDns(config, { broker, secondaries, log })
  stops.push(() => dns.close())

  stops.push(keepHistories(config, { broker, log }).stop)
  const monitor = new Monitor({
    lifecycle: broker.lifecycle,
    prober: broker.prober,
    intervalMs: config.monitor.interval,
    timeoutMs: config.monitor.timeout,
    anchors: config.monitor.anchors,
    prepare: () => broker.interfaces.prepare(),
    dryRun: broker.interfaces.kind === 'dry-run',
    onCounted: round => {
      broker.history.record(round)
      void broker.traffic.count([...round.answered.keys()])
    },
    log,
  })
  const metrics = new Metrics({
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
    notify: () => ({ ...secondaries.counts }),
    lags: () => secondaries.lags(),
  })
  stops.push(keepAudited({ broker, monitor, metrics, log }))
  const lastResort = new LastResort(log, () => {
    killChildren()
    process.exit(EXIT.fault)
  })
  const troubles = () => [
    ...lastResort.troubles(),
    ...broker.statics.failures,
    ...broker.store.troubles.map(({ code, reason }) => `${code}: ${reason}`),
    ...[monitor.trouble() ?? [], broker.interfaces.trouble() ?? []].flat(),
    ...dns.listeners.pending.map(endpoint => `${formatEndpoint(endpoint)}: the address is not there yet`),
  ]
  const recentRefusals = new RecentRefusals()
  const correspondence = correspondenceOf(config, broker)
  let unready: readonly string[] = ['The start is not finished.']
  const portal = await servePortal(config, {
    broker,
    dns: dns.listeners,
    metrics,
    troubles,
    unready: () => unready,
    correspondence,
    recentRefusals,
    log,
  })
  stops.push(() => portal.close())
  const publicUrl = config.web.public_url || portal.url
  stops.push(tellOwners(config, { broker, correspondence, publicUrl, log }))
  const untold = new Reload(config, {
    broker,
    changeable: [
      {
        keys: [...DNS_KEYS_AT_RUN_TIME, ...SECONDARIES_AT_RUN_TIME],
        change: async next => {
          await dns.renew(next)
          secondaries.renew(secondariesOf(next)) // they are told with the same keys
        },
      },
      { keys: ENTRY_KEYS_AT_RUN_TIME, change: next => broker.entry.change(entryOf(next)) },
      { keys: WEB_KEYS_AT_RUN_TIME, change: next => portal.changeAdmittance(admittanceOf(next)) },
      { keys: ['log.level'], change: next => changeLevel(log, next.log.level) },
    ],
    reread: () => rereadTls(config, dns.listeners),
    log,
  })
  const reload = manager.told(untold, SERVING)

  broker.onRegistered = () => {
    metrics.countRegistration()
    monitor.wake()
  }
  for (const { device, reason } of await broker.interfaces.prepare())
    log.error({ device, reason }, 'the kernel could not be prepared')
  const operated = operatedBroker(config, broker, {
    threadRestarts: () => dns.threadRestarts,
    troubles,
    secondaries,
    recentRefusals,
    reload: () => reload.run(),
  })
  const control = await listenForOperator(config, { broker, operated, log })
  stops.push(() => control?.close())
  monitor.start()
  stops.push(() => monitor.stop())
  if (broker.interfaces.kind !== 'dry-run') {
    const watch = new KernelWatch({
      log,
      onChange: () => monitor.kernelChanged(),
      onTrouble: () => monitor.kernelTroubled(),
    })
    watch.start()
    stops.push(() => watch.stop())
  }
  stops.push(
    broker.interfaces.watch(() => {
      log.warn({}, 'another program has changed the kernel’s tunnels: they are compared and mended')
      monitor.kernelHarmed()
    }),
  )
  stops.push(following.start())
  lastResort.watch() // until the very end: a fault while parts are stopped is no reason to leave the others running
  unready = []
  stops.push(() => {
    unready = ['The service is stopping.']
  })
  manager.tell('ready', SERVING)
  process.stdout.write(
    `ready dns=${dns.listeners.addresses.map(formatEndpoint).join(',')} web=${portal.url}\n`,
  )
  return reload
}

/** A disk in trouble that takes no socket is no reason to serve nothing; anything else in its way is. */
async function listenForOperator(
  { control }: Config,
  parts: { readonly broker: Broker; readonly operated: Operated; readonly log: Log },
): Promise<Control | undefined> {
  const { broker, operated, log } = parts
  try {
    return await Control.listen(control.socket, operatorHandler(operated), log)
  } catch (error) {
    if (broker.store.troubles.length === 0) throw error
    log.error({ err: error }, `${control.socket} can't be made: commands find no running process`)
    return undefined
  }
}

/** Certificates are renewed every few weeks under the same name. */
function rereadTls({ dns }: Config, listeners: DnsListeners): readonly string[] {
  const { tls } = dns
  if (tls.listen.length === 0) return []
  const [mistake] = tlsFileMistakes({ dns })
  if (mistake !== undefined) throw new Error(mistake)
  listeners.renewTls()
  return [tls.certificate]
}

function awaitSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}

async function stopAll(stops: readonly Stop[], log: Log): Promise<void> {
  const deadline = setTimeout(() => {
    log.error({}, 'not everything could be stopped in time')
    killChildren()
    process.exit(process.exitCode ?? EXIT.ok)
  }, STOP_DEADLINE_MS)
  for (const stop of stops.toReversed()) {
    try {
      await stop()
    } catch (error) {
      log.error({ err: error }, 'a part did not stop cleanly')
    }
  }
  killChildren() // `ip` may hang: nothing waits for it any more
  clearTimeout(deadline)
}
