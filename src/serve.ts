import { type Config, readConfig } from './config/config.ts'
import { tlsFileMistakes } from './config/tls-rules.ts'
import { releaseSignals } from './early-signals.ts'
import { Predecessor } from './handover/predecessor.ts'
import { LastResort } from './last-resort.ts'
import { loadLibc } from './listen/libc.ts'
import { ServiceManager } from './listen/service-manager.ts'
import { type CommandOptions, EXIT, type ExitCode } from './operator/exit.ts'
import { misconfigured } from './operator/run-command.ts'
import { Recovery } from './recovering.ts'
import { Restart } from './restarting.ts'
import { killChildren } from './shared/child.ts'
import { type Log, openLog } from './shared/log.ts'
import { LogOutput } from './shared/log-output.ts'
import { VERSION } from './shared/version.ts'
import { holdSockets } from './socket-holding.ts'
import { SERVING, start } from './starting.ts'
import { endWithin } from './stops.ts'

/** How long after a start the sockets have more room: code that is used has been compiled by then. */
const SETTLING_MS = 10_000
/** The contract gives five seconds; what is not closed by then is let go. */
const STOP_DEADLINE_MS = 4000

/** `serve`: serves until a signal has come or a successor has taken over, and resolves with the exit status. */
export async function serve(options: CommandOptions): Promise<ExitCode> {
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
async function serveAfter(predecessor: Predecessor | undefined, options: CommandOptions): Promise<ExitCode> {
  const unstarted = async (mistakes: readonly string[]) => {
    await predecessor?.failed(mistakes)
    return misconfigured(mistakes, options)
  }
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return unstarted(reading.mistakes)
  const { config, warnings } = reading
  // A first start serves names without it; a process that serves is not replaced by one that may have less.
  const tlsMistakes = predecessor === undefined ? [] : tlsFileMistakes(config)
  if (tlsMistakes.length > 0) return unstarted(tlsMistakes)
  const libc = await loadLibc()
  const holding = holdSockets(config, { libc, predecessor })
  if (holding.mistakes.length > 0) return unstarted(holding.mistakes)
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
  const recovery = new Recovery(restart, log)
  const parts = { log, output, manager, lastResort, sockets, restart, recovery }
  /** The service goes on if another process is it, after this one or still. */
  const tellEnd = () => {
    const isService = restart.hasBegun ? !restart.hasHandedOver : predecessor === undefined
    if (isService) manager.tell('stopping', 'stopping')
  }
  process.on('SIGHUP', () => restart.reload())
  if (releaseSignals()) restart.reload()
  void signal.then(name => {
    if (restart.hasBegun) return
    log.info({ signal: name }, 'stopping before everything was started')
    tellEnd()
    killChildren()
    process.exit(EXIT.ok) // what is half started has been promised to nobody
  })
  // Without a listener Node opens its inspector, and who reaches that port runs what code they like.
  // SIGUSR2, which asks other programs to open their logs again, would end the process.
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const)
    process.on(name, () => log.warn({ signal: name }, 'a signal without a meaning here'))
  let reason: EndSignal | undefined
  try {
    logStart(config, { log, warnings })
    const running = await start(config, {
      ...parts,
      brokenZone: predecessor === undefined ? 'serve-without' : 'fail',
      released: async coming => predecessor?.released(coming()),
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

type EndSignal = 'SIGTERM' | 'SIGINT'

function awaitSignal(): Promise<EndSignal> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
}
