import { setTimeout as sleep } from 'node:timers/promises'
import { ZodError } from 'zod'
import { type Config, readConfig, readControlSocket } from '../config/config.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { databaseFile } from '../store/database-file.ts'
import { asFault } from '../store/sqlite/database-fault.ts'
import type { Command, CommandReply, Operated } from './command.ts'
import { operatorHandler } from './commands.ts'
import type { ControlHandler } from './control.ts'
import { ControlClient, ForeignReply, NotRunning, ProcessSilent, ReplyLost } from './control-client.ts'
import { isLocked } from './database-wait.ts'
import { type CommandOptions, EXIT, type ExitCode, UsageMistake } from './exit.ts'
import { holdingProcess } from './holding-process.ts'
import { lateReply } from './late-reply.ts'
import { documentOf, documentOfLines, type ProblemDocument, problemLines } from './problem-document.ts'

/** The parts of a broker that a command opened itself, because no process runs. */
export interface OpenedBroker extends Disposable {
  readonly operated: Operated
}

/**
 * Opens the broker of a configuration for one command. Undefined if there is no database: commands make none.
 * Rejects if it can't be opened.
 */
export type BrokerOpener = (config: Config) => Promise<OpenedBroker | undefined>

/** Runs a command of the table through the running process, or on the database if none runs. */
export async function runCommand(
  command: Command,
  given: Readonly<Record<string, string>>,
  { open, ...options }: CommandOptions & { readonly open: BrokerOpener },
): Promise<ExitCode> {
  const parameters = command.located(given)
  const mistakes = command.mistakes(parameters)
  if (mistakes.length > 0) throw new UsageMistake(mistakes.join('; '))
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') {
    using running = command.isForMistaken ? await runningDespiteMistakes(options.config) : undefined
    if (running === undefined) return misconfigured(reading.mistakes, options)
    return await askAndPrint(running, { command, parameters, ...options, config: undefined })
  }
  const { config } = reading
  if (config.demo) return misconfigured([NO_CONFIGURATION], options)
  const withoutProcess = command.needsProcess ? holderOf : openUnlessHeld
  const found = await connect(config, () => withoutProcess(config, open))
  if (found === 'unreachable') return printProblem(documentOf([unreachable(config)]), options)
  if (found === undefined && command.needsProcess)
    return printProblem(documentOf([problem('not-running', {})]), options)
  if (found === undefined) return misconfigured([noDatabase(config)], { ...options, code: EXIT.fault })
  using served = found
  if (served instanceof ControlClient)
    return await askAndPrint(served, { command, parameters, ...options, config })
  try {
    return await printAll(command, parameters, { ...options, handler: operatorHandler(served.operated) })
  } catch (error) {
    throw asDatabaseFault(error, config)
  }
}

/** What the process replies may not be what a command of this version reads. */
async function askAndPrint(
  client: ControlClient,
  {
    command,
    parameters,
    config,
    json,
  }: {
    readonly command: Command
    readonly parameters: Readonly<Record<string, string>>
    /** Undefined: it has mistakes. */
    readonly config: Config | undefined
    readonly json: boolean
  },
): Promise<ExitCode> {
  const asked = () => config && holdingProcess(config)
  const waiter = { isQuick: command.isQuick, process: asked, say }
  const handler: ControlHandler = (name, parameters) => lateReply(client.send(name, parameters), waiter)
  try {
    return await printAll(command, parameters, { json, handler })
  } catch (error) {
    if (error instanceof ReplyLost)
      return printProblem(documentOf([problem('reply-lost', { command: command.name })]), { json })
    if (error instanceof ProcessSilent) return printProblem(documentOf([silent(error)]), { json })
    if (!(error instanceof ForeignReply || error instanceof ZodError)) throw error
    return printProblem(documentOf([problem('other-version', {})]), { json })
  }
}

/**
 * A process that holds the table and does not listen yet is starting, or taking over, or it is another command: it is
 * waited for. 'unreachable' if it still holds the table then.
 */
async function connect(
  config: Config,
  withoutProcess: () => Promise<OpenedBroker | 'held' | undefined>,
): Promise<ControlClient | OpenedBroker | 'unreachable' | undefined> {
  const found = (await runningProcess(config)) ?? (await withoutProcess())
  if (found !== 'held') return found
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(POLL_MS)) {
    const late = (await runningProcess(config)) ?? (await withoutProcess())
    if (late !== 'held') return late
  }
  return 'unreachable'
}

async function openUnlessHeld(
  config: Config,
  open: BrokerOpener,
): Promise<OpenedBroker | 'held' | undefined> {
  if (holdingProcess(config) !== undefined) return 'held' // without a look at its zones
  try {
    return await open(config)
  } catch (error) {
    if (!isLocked(error)) throw asDatabaseFault(error, config)
    return 'held'
  }
}

/** Whether some process has the database, without a look at what that holds. */
async function holderOf(config: Config): Promise<'held' | undefined> {
  return holdingProcess(config) && 'held'
}

async function runningProcess({ control }: Pick<Config, 'control'>): Promise<ControlClient | undefined> {
  try {
    return await ControlClient.connect(control.socket)
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
    return undefined
  }
}

/** The process of a configuration that has mistakes elsewhere than in the place of the socket. */
async function runningDespiteMistakes(file: string | undefined): Promise<ControlClient | undefined> {
  const socket = readControlSocket(file)
  return socket === undefined ? undefined : await runningProcess({ control: { socket } })
}

const PATIENCE_MS = 5000
const POLL_MS = 50

const NO_CONFIGURATION =
  'there is no configuration: give --config FILE, or put freenet6.toml in the working directory or in /etc/freenet6'

/** Its socket has been removed, or `control.socket` has changed since it started. */
function unreachable({ control, data_dir }: Config): Problem {
  const pid = holdingProcess({ data_dir })?.pid ?? '?'
  return problem('process-unreachable', { socket: control.socket, directory: data_dir, pid })
}

/** SQLite says of a page that can't be right, whenever it comes to it, no word of which file it is in. */
function asDatabaseFault(error: unknown, config: Config): unknown {
  const isOfStorage = error instanceof Error && 'errcode' in error
  return isOfStorage ? asFault(error, databaseFile(config)) : error
}

function silent({ seconds, pid }: ProcessSilent): Problem {
  return problem('process-silent', { seconds, pid: pid ?? 'PID' })
}

function say(line: string): void {
  process.stderr.write(`freenet6: ${line}\n`)
}

function noDatabase({ control, data_dir }: Config): string {
  return `nothing listens on ${control.socket}, and there is no database in ${data_dir}: serve makes one`
}

/** Prints a result slice by slice, however long it is. */
async function printAll(
  command: Command,
  parameters: Readonly<Record<string, string>>,
  { handler, json }: { readonly handler: ControlHandler; readonly json: boolean },
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok
  for (let asked: object | undefined = parameters; asked !== undefined; ) {
    const reply: CommandReply = await handler(command.name, asked)
    if ('problem' in reply) return printProblem(reply.problem, { json })
    process.stdout.write(json ? command.json(reply.value) : command.text(reply.value))
    const next: object | undefined = command.next(reply.value)
    asked = next && { ...parameters, ...next }
    exitCode = command.exitCode(reply.value)
  }
  return exitCode
}

/** Says what is wrong with the configuration: a line each, or one problem document. */
export function misconfigured(
  mistakes: readonly string[],
  { json, code = EXIT.usage }: { readonly json: boolean; readonly code?: ExitCode },
): ExitCode {
  if (json) printProblem(documentOfLines('configuration', mistakes), { json })
  else process.stderr.write(`${mistakes.join('\n')}\n`)
  return code
}

/** Says what is wrong: problem documents on standard output where JSON is asked for, else lines on standard error. */
export function printProblem(document: ProblemDocument, { json }: { readonly json: boolean }): ExitCode {
  if (json) process.stdout.write(`${JSON.stringify(document)}\n`)
  else process.stderr.write(`${problemLines(document).join('\n')}\n`)
  return EXIT.fault
}
