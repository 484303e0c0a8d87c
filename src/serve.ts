import { keepAudited } from './auditing.ts'
import type { Broker } from './broker.ts'
import { compose, ENTRY_KEYS_AT_RUN_TIME, entryOf } from './compose.ts'
import { type Config, readConfig } from './config/config.ts'
import { tlsFileMistakes } from './config/tls-rules.ts'
import { DNS_KEYS_AT_RUN_TIME, serveDns } from './dns-serving.ts'
import { followed, SECONDARIES_AT_RUN_TIME, secondariesOf } from './following.ts'
import type { Memory } from './handover/messages.ts'
import { Predecessor } from './handover/predecessor.ts'
import { cached } from './health/cached.ts'
import { Metrics } from './health/metrics.ts'
import { zoneSerials } from './health/serials.ts'
import { keepHistories } from './kept-histories.ts'
import { LastResort } from './last-resort.ts'
import type { HeldSockets } from './listen/held-sockets.ts'
import { loadLibc } from './listen/libc.ts'
import type { DnsListeners } from './listen/listeners.ts'
import { ServiceManager } from './listen/service-manager.ts'
import { correspondenceOf, tellOwners } from './mail-serving.ts'
import { KernelWatch } from './monitor/kernel-watch.ts'
import { Monitor } from './monitor/monitor.ts'
import { operatedBroker } from './operated.ts'
import { operatorHandler } from './operator/commands.ts'
import { Control } from './operator/control.ts'
import { type CommandOptions, EXIT, type ExitCode } from './operator/exit.ts'
import { RecentRefusals } from './operator/recent-refusals.ts'
import { admittanceOf, servePortal, WEB_KEYS_AT_RUN_TIME } from './portal-serving.ts'
import { Reload } from './reloading.ts'
import { Restart } from './restarting.ts'
import { CommandGate, Running } from './running.ts'
import { killChildren } from './shared/child.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import { changeLevel, type LeveledLog, type Log, openLog } from './shared/log.ts'
import { LogOutput } from './shared/log-output.ts'
import { VERSION } from './shared/version.ts'
import { holdSockets } from './socket-holding.ts'
import { endWithin, Stops } from './stops.ts'
import { poolRoom } from './tunnel/address-pool.ts'

const METRICS_CACHE_MS = 5000
/** How long after a start the sockets have more room: code that is used has been compiled by then. */
const SETTLING_MS = 10_000
/** The contract gives five seconds; what is not closed by then is let go. */
const STOP_DEADLINE_MS = 4000

/** What the service manager shows of a process that serves. */
const SERVING = 'serving'

/** `serve`: serves until a signal has come or a successor has taken over, and resolves with the exit status. */
export async function serve(options: Pick<CommandOptions, 'config'>): Promise<ExitCode> {
  const predecessor = Predecessor.of(process)
  try {
    return await serveAfter(predecessor, options)
  } catch (error) {
    await predecessor?.failed([error instanceof Error ? error.message : String(error)])
    throw error
  } finally {
    predecessor?.leave()
  }
}

/**
 * Opens everything, prints the ready line, and serves. A part that can't be started ends what was started before it.
 */
async function serveAfter(
  predecessor: Predecessor | undefined,
  options: Pick<CommandOptions, 'config'>,
): Promise<ExitCode> {
  const reading = readConfig(options.config)
  const mistakes = reading.kind === 'mistakes' ? reading.mistakes : tlsFileMistakes(reading.config)
  if (reading.kind === 'mistakes' || mistakes.length > 0) return misconfigured(mistakes, predecessor)
  const { config, warnings } = reading
  const libc = await loadLibc()
  const holding = holdSockets(config, { libc, predecessor })
  if (holding.mistakes.length > 0) return misconfigured(holding.mistakes, predecessor)
  const { sockets } = holding
  const output = new LogOutput()
  const log = openLog(config.log.level, output)
  const signal = awaitSignal()
  const manager = new ServiceManager(libc, process.env)
  if (manager.isMute) log.warn({}, 'the service manager can not be told when all is ready: koffi is missing')
  const lastResort = new LastResort(log, () => {
    killChildren()
    process.exit(EXIT.fault)
  })
  const restart: Restart = new Restart({
    sockets,
    manager,
    startAgain: ({ config, ...options }) => start(config, { ...parts, ...options }),
    log,
  })
  const parts = { log, output, manager, lastResort, sockets, restart }
  /** The service goes on where another process is it, after this one or still. */
  const tellEnd = () => {
    const isService = restart.hasBegun ? !restart.hasHandedOver : predecessor === undefined
    if (isService) manager.tell('stopping', 'stopping')
  }
  process.on('SIGHUP', () => restart.reload())
  void signal.then(name => {
    if (restart.hasBegun) return
    log.info({ signal: name }, 'stopping before everything was started')
    tellEnd()
    killChildren()
    process.exit(EXIT.ok) // what is half started has been promised to nobody
  })
  // Without a listener Node opens its inspector, and who reaches that port runs what code they like.
  process.on('SIGUSR1', () => log.warn({ signal: 'SIGUSR1' }, 'a signal without a meaning here'))
  let reason: EndSignal | undefined
  try {
    logStart(config, { log, warnings })
    const running = await start(config, {
      ...parts,
      released: async () => predecessor?.released(),
      onAnswering: async () => predecessor?.silent(),
    })
    lastResort.watch() // until the very end: a fault while parts are stopped is no reason to leave the others running
    sockets?.closeUntaken()
    await predecessor?.left()
    setTimeout(() => restart.settle(), SETTLING_MS).unref()
    manager.tell('ready', SERVING)
    process.stdout.write(running.readyLine)
    restart.begin(running)
    reason = await Promise.race([signal, restart.handedOver])
    if (reason !== undefined) log.info({ signal: reason }, 'stopping')
    return EXIT.ok
  } finally {
    tellEnd()
    await endWithin(STOP_DEADLINE_MS, { end: () => restart.end(reason), log })
    manager.close()
    sockets?.close()
  }
}

async function misconfigured(
  mistakes: readonly string[],
  predecessor: Predecessor | undefined,
): Promise<ExitCode> {
  process.stderr.write(`${mistakes.join('\n')}\n`)
  await predecessor?.failed(mistakes)
  return EXIT.usage
}

function logStart(
  config: Config,
  { log, warnings }: { readonly log: Log; readonly warnings: readonly string[] },
): void {
  log.info(
    { source: config.source, demo: config.demo, version: VERSION },
    config.demo ? 'demo: built-in values are in force' : 'configuration read',
  )
  for (const warning of warnings) log.warn({}, warning)
}

interface StartParts {
  readonly log: LeveledLog
  readonly output: LogOutput
  readonly manager: ServiceManager
  readonly lastResort: LastResort
  readonly sockets: HeldSockets | undefined
  readonly restart: Pick<Restart, 'run' | 'noteReload'>
  /** Resolves when the table is free, with what the process before remembers. */
  readonly released: () => Promise<Memory | undefined>
  /** Called once queries are answered, and before anything can be changed. */
  readonly onAnswering: () => Promise<void>
}

/** Starts everything; what was started before a part that can't be is stopped. */
async function start(config: Config, parts: StartParts): Promise<Running> {
  const stops = new Stops()
  try {
    return await startAll(config, parts, stops)
  } catch (error) {
    await stops.end(parts.log)
    throw error
  }
}

async function startAll(config: Config, parts: StartParts, stops: Stops): Promise<Running> {
  const { log, output, manager, lastResort, sockets } = parts
  let memory: Memory | undefined
  const broker = await compose(config, {
    log,
    beforeTable: async () => {
      memory = await parts.released()
    },
    unreadableTable: 'serve-without',
  })
  let isReleased = false
  stops.push(() => (isReleased ? broker.leave() : broker.close()))
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
  const cookieSecrets = (memory?.cookies ?? []).map(secret => Buffer.from(secret, 'base64'))
  const dns = await serveDns(config, { broker, secondaries, sockets, cookieSecrets, log })
  stops.pushLasting(() => dns.close())
  await parts.onAnswering()

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
    socket: sockets?.stream('web', config.web.listen),
    inherited: memory?.web,
    log,
  })
  stops.pushLasting(() => portal.close())
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
    reload: () => {
      parts.restart.noteReload()
      return reload.run()
    },
    restart: () => parts.restart.run(),
  })
  const gate = new CommandGate(operatorHandler(operated))
  const control = await listenForOperator(config, { broker, gate, log })
  stops.pushLasting(() => control?.close())
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
  unready = []
  stops.push(() => {
    unready = ['The service is stopping.']
  })
  const readyLine = `ready dns=${dns.listeners.addresses.map(formatEndpoint).join(',')} web=${portal.url}\n`
  const onReleased = () => {
    isReleased = true
  }
  return new Running({
    readyLine,
    reload: { run: () => reload.run(), inForce: () => untold.inForce },
    dns,
    portal,
    control,
    gate,
    stops,
    onReleased,
    onAbandoned: () => broker.interfaces.close(),
    log,
  })
}

/** A disk in trouble that takes no socket is no reason to serve nothing; anything else in its way is. */
async function listenForOperator(
  { control }: Config,
  parts: { readonly broker: Broker; readonly gate: CommandGate; readonly log: Log },
): Promise<Control | undefined> {
  const { broker, gate, log } = parts
  try {
    return await Control.listen(control.socket, gate.handler, log)
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

type EndSignal = 'SIGTERM' | 'SIGINT'

function awaitSignal(): Promise<EndSignal> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}
