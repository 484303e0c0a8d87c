import { existsSync } from 'node:fs'
import { keepAudited } from './auditing.ts'
import type { Broker } from './broker.ts'
import { compose, ENTRY_KEYS_AT_RUN_TIME, entryOf } from './compose.ts'
import type { Config } from './config/config.ts'
import { tlsFileMistakes } from './config/tls-rules.ts'
import { DNS_KEYS_AT_RUN_TIME, type DnsServing, serveDns, warnOfCertificate } from './dns-serving.ts'
import { followed, SECONDARIES_AT_RUN_TIME, secondariesOf } from './following.ts'
import type { Coming, Memory } from './handover/messages.ts'
import { keepHistories } from './kept-histories.ts'
import { keepTurnover } from './kept-turnover.ts'
import type { LastResort } from './last-resort.ts'
import { refused } from './lifecycle/refusal.ts'
import type { HeldSockets } from './listen/held-sockets.ts'
import type { DnsListeners } from './listen/listeners.ts'
import type { ServiceManager } from './listen/service-manager.ts'
import { comingOf, lossBy } from './lost-by-restart.ts'
import { correspondenceOf, tellOwners } from './mail-serving.ts'
import { measured, troublesOf } from './measuring.ts'
import { monitorOf, watchTunnels } from './monitoring.ts'
import { operatedBroker } from './operated.ts'
import type { Restarted } from './operator/command.ts'
import { operatorHandler } from './operator/commands.ts'
import { Control } from './operator/control.ts'
import { whenFree } from './operator/database-wait.ts'
import type { Outcome } from './operator/outcome.ts'
import { RecentRefusals } from './operator/recent-refusals.ts'
import type { Portal } from './portal/portal.ts'
import { admittanceOf, servePortal, WEB_KEYS_AT_RUN_TIME } from './portal-serving.ts'
import type { Recovery } from './recovering.ts'
import { type Changeable, Reload } from './reloading.ts'
import type { Restart } from './restarting.ts'
import { CommandGate, Running } from './running.ts'
import type { Secondaries } from './secondary/secondaries.ts'
import { formatEndpoint } from './shared/endpoint.ts'
import { changeLevel, type LeveledLog, type Log } from './shared/log.ts'
import type { LogOutput } from './shared/log-output.ts'
import { problem } from './shared/problem.ts'
import { Stops } from './stops.ts'
import { databaseFile } from './store/database-file.ts'
import { staticZones } from './table-opening.ts'

const DEAF = 'No address of dns.listen is there yet.'
const HELD = 'another freenet6 process, such as a command, has the database: it is waited for'
const AWAITED = 'addresses of web.listen or dns.tls.listen are not there yet: they are waited for'

/** What the service manager shows of a process that serves. */
export const SERVING = 'serving'

export interface StartParts {
  /** See Parts: 'fail' where the tunnels' names are answered until this start does it. */
  readonly brokenZone: 'fail' | 'serve-without'
  readonly log: LeveledLog
  readonly output: LogOutput
  readonly manager: ServiceManager
  readonly lastResort: LastResort
  readonly sockets: HeldSockets | undefined
  readonly restart: Pick<Restart, 'run' | 'noteReload'>
  readonly recovery: Pick<Recovery, 'watch'>
  /**
   * Resolves when the table is free, with what the process before remembers. Where that one has the tunnels in memory, a
   * table that can't be read, or an empty one, is no reason to take its place.
   */
  readonly released: (coming: () => Coming) => Promise<Memory | undefined>
  /** Called once queries are answered, and before anything can be changed. */
  readonly onAnswering: () => Promise<void>
}

/** Starts everything; what was started before a part that can't be is stopped. */
export async function start(config: Config, parts: StartParts): Promise<Running> {
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
      memory = await parts.released(() => comingOf(config))
      if (memory?.hasTable) assertThere(config)
    },
    opening: open =>
      whenFree(config, open, {
        onWait: processes => log.warn({ file: databaseFile(config), processes }, HELD),
        isSuccessor: memory !== undefined,
      }),
    brokenZone: parts.brokenZone,
    unreadableTable: () => (memory?.hasTable ? 'fail' : 'serve-without'),
  })
  let isReleased = false
  stops.push('table', () => (isReleased ? broker.leave() : broker.close()))
  log.info(
    {
      tunnels: broker.table.count(),
      ...(broker.table.unofferedCount > 0 && { unoffered: broker.table.unofferedCount }),
      ...(broker.table.brokenCount > 0 && { broken: broker.table.brokenCount }),
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
  stops.pushLasting('DNS', () => dns.close())
  await parts.onAnswering()

  stops.push('histories', keepHistories(config, { broker, log }).stop)
  stops.push('turnover', keepTurnover(config, { broker, log }).stop)
  const monitor = monitorOf(config, { broker, log })
  const correspondence = correspondenceOf(config, broker)
  const { handovers } = correspondence
  const metrics = measured(config, { broker, dns, secondaries, monitor, handovers, output, log })
  stops.push('audits', keepAudited({ broker, monitor, metrics, log }))
  const troubles = () => troublesOf({ lastResort, broker, monitor, dns, sockets })
  const recentRefusals = new RecentRefusals()
  let unready: readonly string[] = ['The start is not finished.']
  const portal = await servePortal(config, {
    broker,
    dns,
    metrics,
    troubles,
    unready: () => [...unready, ...(dns.listeners.addresses.length === 0 ? [DEAF] : [])],
    correspondence,
    recentRefusals,
    socket: sockets?.stream('web', config.web.listen),
    inherited: memory?.web,
    log,
  })
  stops.pushLasting('web', () => portal.close())
  const absent = sockets?.absent ?? []
  if (absent.length > 0) log.warn({ pending: absent.map(formatEndpoint) }, AWAITED)
  const publicUrl = config.web.public_url || portal.url
  stops.push('deliveries', tellOwners(config, { broker, correspondence, publicUrl, log }))
  const untold = new Reload(config, {
    broker,
    changeable: changeableParts({ broker, dns, secondaries, portal, log }),
    reread: () => rereadTls(config, { listeners: dns.listeners, log }),
    log,
  })
  stops.push('reload', () => untold.stop())
  const reload = manager.told(untold, SERVING)

  broker.onRegistered = () => {
    metrics.countRegistration()
    monitor.wake()
  }
  for (const { device, reason, isMinor } of await broker.interfaces.prepare())
    log[isMinor ? 'warn' : 'error']({ device, reason }, 'the kernel could not be prepared')
  const operated = operatedBroker(config, broker, {
    threadRestarts: () => dns.threadRestarts,
    tlsExpiries: () => dns.listeners.tlsExpiries,
    troubles,
    warnings: () => monitor.warnings(),
    secondaries,
    recentRefusals,
    reload: () => {
      parts.restart.noteReload()
      return reload.run()
    },
    restart: () => restartUnlessLost(broker, parts.restart),
  })
  const gate = new CommandGate(operatorHandler(operated))
  const control = await listenForOperator(config, { broker, gate, log })
  stops.pushLasting('commands', () => control?.close())
  watchTunnels(monitor, { broker, stops, log })
  stops.push('secondaries', following.start())
  stops.push(
    'recovery',
    parts.recovery.watch(broker.store, {
      assertStartable: () => void staticZones(untold.inForce, { log }),
    }),
  )
  unready = []
  stops.push('readiness', () => {
    unready = ['The service is stopping.']
  })
  const tls = dns.listeners.tlsAddresses.map(formatEndpoint)
  if (tls.length > 0) log.info({ tls }, 'DNS over TLS is served')
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
    lossBy: coming => lossBy(coming, { config, broker }),
    hasTable: !broker.store.isAbsent,
    onAbandoned: () => broker.interfaces.close(),
    log,
  })
}

/** Throws if there is no database: one that was made now would be empty. */
function assertThere(config: Config): void {
  const file = databaseFile(config)
  if (!existsSync(file)) throw new Error(`${file} is not there: put it back, or a backup in its place`)
}

/** What is in this process alone would end with it: rows of a file that was removed or went bad, zones of an emptied folder. */
async function restartUnlessLost(
  { store, statics }: Broker,
  restart: Pick<Restart, 'run'>,
): Promise<Outcome<Restarted>> {
  const table = store.lostTable
  const reason = table === undefined ? statics.lostFiles : `${table}.`
  return reason === undefined ? restart.run() : refused(problem('restart-failed', { reason }))
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

/** What can change at run time, by the keys of the configuration. */
function changeableParts(parts: {
  readonly broker: Broker
  readonly dns: DnsServing
  readonly secondaries: Secondaries
  readonly portal: Portal
  readonly log: LeveledLog
}): readonly Changeable[] {
  const { broker, dns, secondaries, portal, log } = parts
  return [
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
  ]
}

/** Certificates are renewed every few weeks under the same name. */
function rereadTls(
  { dns }: Config,
  { listeners, log }: { readonly listeners: DnsListeners; readonly log: Log },
): readonly string[] {
  const { tls } = dns
  if (tls.listen.length === 0) return []
  const [mistake] = tlsFileMistakes({ dns })
  if (mistake !== undefined) throw new Error(mistake)
  listeners.renewTls()
  warnOfCertificate({ dns }, log)
  return [tls.certificate]
}
