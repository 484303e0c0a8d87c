import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { denialIn, isThere } from '../shared/denial.ts'
import { keyMistakes } from './key-rules.ts'
import { mistakeLines, printable } from './mistakes.ts'
import { type ConfigValues, type SocketPlaces, schema, socketPlaces } from './schema.ts'
import { tlsMistakes } from './tls-rules.ts'
import { ruleFindings } from './value-rules.ts'

const PACKAGE_ROOT = join(import.meta.dirname, '..', '..')
/** Read in this order if no file is named. */
const DEFAULT_FILES = ['freenet6.toml', '/etc/freenet6/freenet6.toml']

/** Values of `freenet6.toml`, read and checked; the keys are the file's own. Durations are in milliseconds. */
export type Config = ConfigValues & {
  /** True if no file was given or found: the built-in demo values are in force. */
  readonly demo: boolean
  /** Where the values come from, for the log. */
  readonly source: string
}

/** A reading of the configuration: the values and what is odd about them, or one line a mistake. */
export type ConfigReading =
  | { readonly kind: 'config'; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] }

/** What the built-in demo has otherwise than the defaults: a visitor on loopback can try everything. */
const DEMO = {
  web: { registrations_per_hour: 0 },
  tunnel: { allow_special_purpose: true, foreign_endpoints: true, reachability: 'off' },
}

/**
 * Reads the configuration: `file` if given, else the first of `candidates` that is there, else the demo values.
 * Relative paths in a file are relative to that file's directory.
 */
export function readConfig(file?: string, candidates: readonly string[] = DEFAULT_FILES): ConfigReading {
  const path = file ?? candidates.find(isThere)
  if (path === undefined)
    return check(DEMO, { demo: true, source: 'built-in demo values', directory: process.cwd() })
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return mistaken([`${path}: can't be read: ${reasonOf(error)}`])
  }
  return parseConfig(text, path)
}

/** Reads the text of a configuration file; `path` names it in mistakes and anchors its relative paths. */
export function parseConfig(text: string, path: string): ConfigReading {
  try {
    return check(parseToml(text), { demo: false, source: path, directory: dirname(resolve(path)) })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const what = error.message.split('\n')[0]
    return mistaken([`${path}:${error.line}:${error.column}: ${what}`])
  }
}

/**
 * Where the process of a configuration listens for commands, whatever else is wrong with the file. Undefined if it
 * does not say so by what can be read of it.
 */
export function readControlSocket(
  file?: string,
  candidates: readonly string[] = DEFAULT_FILES,
): string | undefined {
  const path = file ?? candidates.find(isThere)
  if (path === undefined) return undefined
  try {
    const places = socketPlaces.safeParse(parseToml(readFileSync(path, 'utf8')))
    return places.success ? resolvedSocket(places.data, dirname(resolve(path))) : undefined
  } catch {
    return undefined
  }
}

interface Origin {
  readonly demo: boolean
  readonly source: string
  readonly directory: string
}

function check(values: unknown, origin: Origin): ConfigReading {
  const { demo, source, directory } = origin
  const reading = schema.safeParse(values, { reportInput: true })
  if (!reading.success) return mistaken(reading.error.issues.flatMap(issue => mistakeLines(issue, schema)))
  const config = { ...reading.data, demo, source }
  config.data_dir = resolve(directory, config.data_dir)
  config.zones_dir = zonesDirectory(resolve(directory, config.zones_dir), origin)
  config.control.socket = resolvedSocket(config, directory)
  for (const file of ['certificate', 'key'] as const)
    if (config.dns.tls[file] !== '') config.dns.tls[file] = resolve(directory, config.dns.tls[file])
  const found = ruleFindings(config)
  const mistakes = [
    ...zonesMistakes(values, config),
    ...keyMistakes(config),
    ...tlsMistakes(config),
    ...found.mistakes,
  ]
  if (mistakes.length > 0) return mistaken(mistakes)
  return { kind: 'config', config, warnings: demo ? [] : found.warnings.map(printable) }
}

function resolvedSocket({ data_dir, control }: SocketPlaces, directory: string): string {
  return resolve(directory, control.socket || join(data_dir, 'control.sock'))
}

function mistaken(lines: readonly string[]): ConfigReading {
  return { kind: 'mistakes', mistakes: lines.map(printable) }
}

function reasonOf(error: unknown): string {
  const denial = denialIn(error)
  if (denial === undefined) return error instanceof Error ? error.message : String(error)
  const { user, owner } = denial
  return `${user} may not, it is for ${owner}: run the command as ${owner} (sudo -u ${owner} freenet6 …)`
}

/** The zones that come with the program are the demo's: a configured broker serves its own alone. */
function zonesDirectory(wanted: string, { demo }: Origin): string {
  return demo && !existsSync(wanted) ? join(PACKAGE_ROOT, 'zones') : wanted
}

/** A directory that is named is there; without a name there may be none. */
function zonesMistakes(values: unknown, { zones_dir }: ConfigValues): string[] {
  const named = typeof values === 'object' && values !== null && 'zones_dir' in values
  return named && !isThere(zones_dir) ? [`zones_dir = "${zones_dir}": there is no such directory`] : []
}
