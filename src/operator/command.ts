import { z } from 'zod'
import type { Audit } from '../lifecycle/audit.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { EXIT, type ExitCode } from './exit.ts'
import type { Invitations } from './invitations.ts'
import type { Operator } from './operator.ts'
import type { Outcome } from './outcome.ts'
import { documentOf, documentOfLines, problemDocument } from './problem-document.ts'
import type { RecentRefusals } from './recent-refusals.ts'
import type { Status } from './status.ts'
import type { TunnelDiagnoses } from './tunnel-diagnoses.ts'
import type { ZoneDifferences } from './zone-differences.ts'
import type { ZoneDumps } from './zone-dumps.ts'

/** What commands work on: the parts of the running process, or those that a command has opened for itself. */
export interface Operated {
  readonly operator: Operator
  readonly invitations: Invitations
  /** Undefined if no process runs. */
  readonly diagnoses: TunnelDiagnoses | undefined
  readonly audit: Pick<Audit, 'run'>
  /** Makes the kernel's interfaces equal to the table's; undefined if no process runs. */
  readonly reconcile: Lifecycle['reconcile'] | undefined
  readonly status: Status
  readonly dumps: ZoneDumps
  readonly differences: ZoneDifferences
  /** Undefined if no process runs. */
  readonly recentRefusals: RecentRefusals | undefined
  readonly backUp: (file: string) => Promise<void>
  /** Tells the secondaries of a zone, or of all; returns what they were told of. Undefined if no process runs. */
  readonly notify:
    | ((zone: string | undefined) => readonly { readonly zone: string; readonly secondaries: number }[])
    | undefined
  /** Puts a new process in the place of the one that runs. Undefined if none does. */
  readonly restart: (() => Promise<Outcome<Restarted>>) | undefined
  /** Undefined if no process runs: there is nothing to read again. */
  readonly reload: (() => Promise<{ taken: string[]; kept: string[] }>) | undefined
}

/** The process that has taken over, and how long that took in milliseconds. */
export interface Restarted {
  readonly pid: number
  readonly milliseconds: number
}

/** What a command gives, as it stands on a line of the control socket. */
export const commandReply = z.union([
  z.strictObject({ value: z.unknown() }),
  z.strictObject({ problem: problemDocument }),
])

export type CommandReply = z.output<typeof commandReply>

/** A word or an option of the command line, named as a person reads it. */
export interface ListedParameter {
  readonly name: string
  /** What stands in its place in the usage, such as `ID|NAME`; empty for an option without a value. */
  readonly title: string
  readonly description: string
  readonly isOptional: boolean
}

/** One row of the table of commands; its parameters and its result have been checked on either side of the socket. */
export interface Command {
  /** One word or two, as typed. */
  readonly name: string
  readonly summary: string
  readonly words: readonly ListedParameter[]
  readonly options: readonly ListedParameter[]
  /** Says what is wrong with the parameters, one line a mistake; empty if nothing is. */
  mistakes(parameters: unknown): readonly string[]
  /** Works on the parameters as they came in. Rejects if something broke; what may be expected is a reply. */
  run(operated: Operated, parameters: unknown): Promise<CommandReply>
  /** The parameters as they are meant where the command line is: the process may have another working directory. */
  located(parameters: Readonly<Record<string, string>>): Readonly<Record<string, string>>
  /** Renders a result for a person. Throws ZodError if the result is not what the command gives. */
  text(value: unknown): string
  /** Renders a result for a program: one JSON value a line. Throws ZodError as `text` does. */
  json(value: unknown): string
  /** The parameters that change for the next slice of a long result; undefined at its end. */
  next(value: unknown): object | undefined
  /** The exit status that a result stands for. */
  exitCode(value: unknown): ExitCode
  /** Whether it only reads what the running process has in memory: a reply that does not come soon never does. */
  readonly isQuick: boolean
  /** Whether it is for a running process alone: without one it does nothing. */
  readonly needsProcess: boolean
  /** Whether the running process is asked although the configuration has mistakes: it reads it again, and names them. */
  readonly isForMistaken: boolean
}

/** What a row of the table says of its command. */
export interface CommandDefinition<Parameters extends z.ZodObject, Result extends z.ZodType> {
  readonly name: string
  readonly summary: string
  /** Parameters that are given as words, in their order. Of the others those with a description are options. */
  readonly words: readonly (keyof z.output<Parameters> & string)[]
  readonly parameters: Parameters
  readonly result: Result
  readonly run: (
    operated: Operated,
    parameters: z.output<Parameters>,
  ) => Outcome<z.input<Result>> | Promise<Outcome<z.input<Result>>>
  readonly text: (value: z.output<Result>) => string
  /** See `Command.located`; as they are unless given. */
  readonly located?: Command['located']
  /** See `Command.isQuick`; false unless given. */
  readonly isQuick?: boolean
  /** See `Command.needsProcess`; false unless given. */
  readonly needsProcess?: boolean
  /** See `Command.isForMistaken`; false unless given. */
  readonly isForMistaken?: boolean
  /** 0 unless given. */
  readonly exitCode?: (value: z.output<Result>) => ExitCode
  /** For a result that is too long for one reply: its lines of JSON, and what to ask for the next part. */
  readonly slices?: {
    readonly items: (value: z.output<Result>) => readonly unknown[]
    readonly next: (value: z.output<Result>) => object | undefined
  }
}

/** Makes a row of the table: whatever its types are, parameters and results are checked where they come in. */
export function defineCommand<Parameters extends z.ZodObject, Result extends z.ZodType>(
  definition: CommandDefinition<Parameters, Result>,
): Command {
  const { name, summary, words, parameters, result, slices } = definition
  const shape: Readonly<Record<string, unknown>> = parameters.shape
  const listed = Object.entries(shape).map(([key, type]) => listedParameter(key, type))
  return {
    name,
    summary,
    words: words.flatMap(word => listed.filter(parameter => parameter.name === word)),
    options: listed.filter(option => !words.includes(option.name) && option.description !== ''),
    mistakes: given => mistakesOf(parameters.safeParse(given)),
    run: async (operated, given) => {
      const reading = parameters.safeParse(given)
      if (!reading.success) return { problem: documentOfLines('command-usage', mistakesOf(reading)) }
      const outcome = await definition.run(operated, reading.data)
      if (outcome.kind === 'refused') return { problem: documentOf(outcome.problems) }
      return { value: result.parse(outcome.value) }
    },
    located: given => definition.located?.(given) ?? given,
    text: value => definition.text(result.parse(value)),
    json: value => {
      const checked = result.parse(value)
      return (slices === undefined ? [checked] : slices.items(checked)).map(jsonLine).join('')
    },
    next: value => slices?.next(result.parse(value)),
    exitCode: value => definition.exitCode?.(result.parse(value)) ?? EXIT.ok,
    isQuick: definition.isQuick ?? false,
    needsProcess: definition.needsProcess ?? false,
    isForMistaken: definition.isForMistaken ?? false,
  }
}

function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

function listedParameter(name: string, type: unknown): ListedParameter {
  const { title = name.toUpperCase(), description = '' } =
    type instanceof z.ZodType ? (type.meta() ?? {}) : {}
  const isOptional = type instanceof z.ZodOptional || type instanceof z.ZodDefault
  return { name, title, description, isOptional }
}

function mistakesOf(reading: z.ZodSafeParseResult<unknown>): readonly string[] {
  return (reading.error?.issues ?? []).map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )
}
