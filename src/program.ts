import type { Config } from './config/config.ts'
import { checkConfig } from './operator/check-config.ts'
import { checkZone } from './operator/check-zone.ts'
import type { ListedParameter } from './operator/command.ts'
import { type LocalCommand, readCommandLine, usageOf } from './operator/command-line.ts'
import { COMMANDS } from './operator/commands.ts'
import { EXIT, type ExitCode, UsageMistake } from './operator/exit.ts'
import { problemOfFault } from './operator/fault-problem.ts'
import { endWithReader } from './operator/output-end.ts'
import { documentOf, documentOfLines } from './operator/problem-document.ts'
import { type OpenedBroker, printProblem, runCommand } from './operator/run-command.ts'
import { VERSION } from './shared/version.ts'

/** Commands that know no running process. */
const LOCAL_COMMANDS: readonly LocalCommand[] = [
  {
    name: 'serve',
    summary: 'run the nameserver, the web pages and the monitor',
    words: [],
    options: [],
    // The service takes more than half a second to load: the checks, which operators run in a row, go without it.
    run: async (_, options) => (await import('./serve.ts')).serve(options),
  },
  {
    name: 'check-config',
    summary: 'read the configuration and say what is wrong with it',
    words: [],
    options: [],
    run: (_, options) => checkConfig(options, { tableWarnings }),
  },
  {
    name: 'check-zone',
    summary: 'read a zone file and say what is wrong with it',
    words: [word('file'), word('origin', { isOptional: true })],
    options: [
      {
        name: 'lenient',
        title: '',
        description: 'leave wrong records out, as zones.on_error = "skip-record" does',
        isOptional: true,
      },
    ],
    run: ({ file = '', origin, lenient }, { json }) =>
      checkZone(file, origin, { json, isLenient: lenient !== undefined }),
  },
  {
    name: 'doctor',
    summary:
      'look at delegation, servers and this machine from outside; say what is wrong and how to mend it',
    words: [],
    options: [
      {
        name: 'root',
        title: 'ADDRESS:PORT',
        description: 'the root server of a test world; its port is that of all servers',
        isOptional: true,
      },
    ],
    run: async ({ root }, options) => (await import('./doctor/doctor-command.ts')).doctor(root, options),
  },
  {
    name: 'restore',
    summary: 'put a backup in the place of the database, while the service does not run',
    words: [word('file')],
    options: [],
    run: async ({ file = '' }, options) => {
      return (await import('./operator/restore.ts')).restore(file, options)
    },
  },
]

const TABLE_COMMANDS = COMMANDS.map(
  (command): LocalCommand => ({
    ...command,
    run: (parameters, options) => runCommand(command, parameters, { ...options, open }),
  }),
)

const ALL_COMMANDS = [...LOCAL_COMMANDS, ...TABLE_COMMANDS]

/** Runs the command that the arguments name; resolves with the exit status, and has said why if it is not 0. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  try {
    return await run(args)
  } catch (error) {
    return fail(error, args)
  }
}

async function run(args: readonly string[]): Promise<ExitCode> {
  const line = readCommandLine(args, ALL_COMMANDS)
  if (line.kind !== 'command' || line.command.name !== 'serve') endWithReader(process) // who serves has names to answer
  if (line.kind === 'command') return line.command.run(line.parameters, line.options)
  const version = args.includes('--json') ? JSON.stringify({ version: VERSION }) : `freenet6 ${VERSION}`
  process.stdout.write(line.kind === 'help' ? usageOf(ALL_COMMANDS) : `${version}\n`)
  return EXIT.ok
}

async function open(config: Config): Promise<OpenedBroker | undefined> {
  return (await import('./operated.ts')).openForCommand(config)
}

async function tableWarnings(config: Config): Promise<readonly string[]> {
  return (await import('./table-look.ts')).tableWarnings(config)
}

function word(name: string, { isOptional = false } = {}): ListedParameter {
  return { name, title: name.toUpperCase(), description: '', isOptional }
}

/** Says why a command ended early: in words, or as a problem document where JSON was asked for. */
function fail(error: unknown, args: readonly string[]): ExitCode {
  const isMisuse = error instanceof UsageMistake
  const known = problemOfFault(error)
  const message = error instanceof Error ? error.message : String(error)
  endWithReader(process) // also of a command line that was not understood
  if (known !== undefined) return printProblem(documentOf([known]), { json: args.includes('--json') })
  if (args.includes('--json')) {
    printProblem(documentOfLines(isMisuse ? 'command-usage' : 'internal', [message]), { json: true })
  } else {
    const help = args.length === 0 ? `\n${usageOf(ALL_COMMANDS)}` : 'freenet6 --help lists the commands\n'
    process.stderr.write(`freenet6: ${message}\n${isMisuse ? help : ''}`)
  }
  return isMisuse ? EXIT.usage : EXIT.fault
}
