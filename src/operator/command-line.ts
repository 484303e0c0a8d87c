import { parseArgs } from 'node:util'
import type { Command, ListedParameter } from './command.ts'
import { type CommandOptions, type ExitCode, UsageMistake } from './exit.ts'

/** What the usage says of a command. */
export type ListedCommand = Pick<Command, 'name' | 'summary' | 'words' | 'options'>

/** A command that runs in the process that was started, and knows no socket. */
export interface LocalCommand extends ListedCommand {
  run(parameters: Readonly<Record<string, string>>, options: CommandOptions): ExitCode | Promise<ExitCode>
}

/** A command line that was understood, or a question about the program itself. */
export type CommandLine<Listed> =
  | { readonly kind: 'help' | 'version' }
  | {
      readonly kind: 'command'
      readonly command: Listed
      readonly parameters: Readonly<Record<string, string>>
      readonly options: CommandOptions
    }

const COMMON_OPTIONS = {
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** Reads the arguments of the program. Throws UsageMistake if they are no command of the list. */
export function readCommandLine<Listed extends ListedCommand>(
  args: readonly string[],
  commands: readonly Listed[],
): CommandLine<Listed> {
  const { positionals, values } = parse(args, commands)
  if (values.help === true || positionals[0] === 'help') return { kind: 'help' }
  if (values.version === true) return { kind: 'version' }
  const command = commandNamed(positionals, commands)
  const given = positionals.slice(command.name.split(' ').length)
  return {
    kind: 'command',
    command,
    parameters: { ...wordsOf(command, given), ...optionsOf(command, values) },
    options: {
      config: typeof values.config === 'string' ? values.config : undefined,
      json: values.json === true,
    },
  }
}

function parse(args: readonly string[], commands: readonly ListedCommand[]) {
  const options = commands.flatMap(command => command.options)
  const own = Object.fromEntries(
    options.map(({ name, title }) => [name, { type: title === '' ? 'boolean' : 'string' }] as const),
  )
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { ...own, ...COMMON_OPTIONS } })
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
      throw new UsageMistake(error.message)
    throw error
  }
}

function commandNamed<Listed extends ListedCommand>(
  words: readonly string[],
  commands: readonly Listed[],
): Listed {
  const [first, second] = words
  if (first === undefined) throw new UsageMistake('which command?')
  const named = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (named !== undefined) return named
  const kin = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  throw new UsageMistake(
    kin.length > 0 ? `${kin.join(', ')}?` : `there is no command ${JSON.stringify(first)}`,
  )
}

/** Words that may be missing are filled in their order, as far as more words are given than must be. */
function wordsOf({ name, words }: ListedCommand, given: readonly string[]): Record<string, string> {
  const least = words.filter(word => !word.isOptional).length
  if (given.length < least || given.length > words.length)
    throw new UsageMistake(`${name} takes ${words.map(titleOf).join(' ') || 'no word'}`)
  let spare = given.length - least
  const filled = words.filter(({ isOptional }) => !isOptional || spare-- > 0)
  return Object.fromEntries(filled.map((word, index) => [word.name, given[index] ?? '']))
}

function optionsOf(
  { name, options }: ListedCommand,
  values: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const given = Object.entries(values).filter(([option]) => !(option in COMMON_OPTIONS))
  const foreign = given.find(([option]) => !options.some(known => known.name === option))
  if (foreign !== undefined) throw new UsageMistake(`${name} has no option --${foreign[0]}`)
  return Object.fromEntries(given.map(([option, value]) => [option, String(value)]))
}

const SUMMARY_COLUMN = 32

/** Writes the usage of the program: a line or two for each command and its options. */
export function usageOf(commands: readonly ListedCommand[]): string {
  const lines = commands.flatMap(({ name, words, options, summary }) => [
    usageLine(`  ${[name, ...words.map(titleOf)].join(' ')}`, summary),
    ...options.map(option => usageLine(`    --${option.name} ${option.title}`.trimEnd(), option.description)),
  ])
  return `freenet6: an authoritative nameserver with an integrated IPv6 tunnel broker

usage: freenet6 <command> [--config FILE] [--json]

${lines.join('')}
${usageLine('  --config FILE', 'default: freenet6.toml in the working directory, else /etc/freenet6/freenet6.toml')}${usageLine('  --json', 'print JSON; what is wrong is a problem document (RFC 9457)')}${usageLine('  --version', 'print the version')}`
}

function titleOf({ title, isOptional }: ListedParameter): string {
  return isOptional ? `[${title}]` : title
}

function usageLine(left: string, right: string): string {
  const gap = left.length < SUMMARY_COLUMN ? '' : `\n`
  return `${gap === '' ? left.padEnd(SUMMARY_COLUMN) : `${left}${gap}${' '.repeat(SUMMARY_COLUMN)}`}${right}\n`
}
