import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { atOnce, type Pausing } from '../shared/in-turns.ts'
import { TYPE } from '../wire/codes.ts'
import { formatName, lowerCaseName, parseName } from '../wire/name.ts'
import type { Rrset } from '../zone/rrset.ts'
import { type MasterFile, readMasterFileSlowly } from './master-file.ts'
import type { NamedText } from './master-reader.ts'
import type { OnError, ZoneFault } from './zone-fault.ts'
import { checkZoneSlowly } from './zone-rules.ts'

/** What a zone file holds and what is wrong with it. It can be served when no fault is an error. */
export interface LoadedZone {
  readonly file: string
  /** The owner of the SOA; undefined if there is none. */
  readonly apex: Uint8Array | undefined
  /** The apex that the file promises by its origin or its name, known even where its SOA can't be read. */
  readonly expectedApex: Uint8Array | undefined
  readonly rrsets: readonly Rrset[]
  readonly faults: readonly ZoneFault[]
  /** Why nothing of the file could be read, in words, if so: it is its one fault. */
  readonly unreadable?: string
}

interface LoadOptions {
  /** What becomes of a zone with a mistake in a record; `refuse-zone` if it is left out. */
  readonly onError?: OnError
}

export type FileOptions = LoadOptions & { readonly origin?: Uint8Array }

const EXTENSION = '.zone'

/** Why a file can not be read, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'may not be read',
  ELOOP: 'is a link that leads back to itself',
  ENAMETOOLONG: 'has too long a name',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB',
}

/**
 * Reads a zone from a file. The origin is `origin`, else the file's name without `.zone`, until the file says
 * `$ORIGIN`. `$INCLUDE` reaches files in the same directory and below, and no others. A file that can't be read is a
 * fault like any other.
 */
export function loadZoneFile(path: string, options: FileOptions = {}): LoadedZone {
  return atOnce(loadZoneFileSlowly(path, options))
}

/** The same, with pauses. */
function* loadZoneFileSlowly(path: string, options: FileOptions): Pausing<LoadedZone> {
  const { onError = 'refuse-zone' } = options
  const origin = options.origin ?? originOfFileName(path)
  const text = readText(path)
  if (!(text instanceof Uint8Array)) return unreadable(path, origin, text.reason)
  const readInclude = (name: string) => includedFile(dirname(path), name)
  const originOption = origin === undefined ? {} : { origin }
  const read = yield* readMasterFileSlowly({ file: path, text, readInclude, onError, ...originOption })
  const apex = read.rrsets.find(rrset => rrset.type === TYPE.SOA)?.owner
  const expectedApex = apex ?? read.origin
  const { faults, rrsets } = yield* checkRead(path, expectedApex, read, onError)
  return { file: path, apex, expectedApex, rrsets, faults: [...read.faults, ...faults] }
}

export interface DirectoryOptions extends LoadOptions {
  /** Files whose zones are served: they are read before all others, so that a copy takes no zone from them. */
  readonly served?: Iterable<string>
}

/**
 * Reads every `*.zone` file of a directory, in the order of their names without the ending; hidden files are left out. One
 * zone is in memory at a time. Of two files for one zone the second has a fault that names both: that which is not served,
 * or is not named for the zone where one is.
 */
export function* loadZonesDirectory(
  directory: string,
  options: DirectoryOptions = {},
): Generator<LoadedZone> {
  for (const zone of zonesOfDirectory(directory, options)) yield atOnce(zone)
}

/** The same, each zone with pauses; to be worked off one after the other. */
export function* zonesOfDirectory(
  directory: string,
  options: DirectoryOptions = {},
): Generator<Pausing<LoadedZone>> {
  const names = zoneFileNames(directory)
  if (!Array.isArray(names)) return yield unreadableDirectory(directory, names.reason)
  const files = names.map(name => join(directory, name))
  const isThere = new Set(files)
  const served = new Set([...(options.served ?? [])].filter(file => isThere.has(file)))
  const owners: Owners = { served, ofName: filesByName(files), before: new Map() }
  for (const file of new Set([...served, ...files])) yield nextOfDirectory(file, options, owners)
}

/** Whose zone it is where several files give it; each by the text of the apex. */
interface Owners {
  readonly served: ReadonlySet<string>
  /** Files that are named for a zone. */
  readonly ofName: ReadonlyMap<string, string>
  /** Files that were read before. */
  readonly before: Map<string, string>
}

function filesByName(files: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>()
  for (const file of files) {
    const origin = originOfFileName(file)
    if (origin !== undefined) named.set(formatName(lowerCaseName(origin)), file)
  }
  return named
}

function* nextOfDirectory(path: string, options: LoadOptions, owners: Owners): Pausing<LoadedZone> {
  const zone = yield* loadZoneFileSlowly(path, options)
  const apex = zone.apex ?? zone.expectedApex
  if (apex === undefined) return zone
  const key = formatName(lowerCaseName(apex))
  const named = owners.served.has(path) ? path : (owners.ofName.get(key) ?? path)
  const owner = owners.before.get(key) ?? named
  if (owner !== path) return { ...zone, faults: [...zone.faults, secondFault(path, key, owner)] }
  owners.before.set(key, path)
  return zone
}

function zoneFileNames(directory: string): string[] | { readonly reason: string } {
  try {
    return readdirSync(directory)
      .filter(name => name.endsWith(EXTENSION) && !name.startsWith('.'))
      .map(name => name.slice(0, -EXTENSION.length))
      .sort() // a file before its copies: `example.net`, `example.net (copy)`, `example.net-old`
      .map(stem => `${stem}${EXTENSION}`)
  } catch (error) {
    return { reason: reasonOf(error) }
  }
}

function secondFault(file: string, apex: string | undefined, first: string): ZoneFault {
  return fault(file, `gives the zone ${apex}, and so does ${first}: a zone has one file`)
}

function* checkRead(
  path: string,
  apex: Uint8Array | undefined,
  { rrsets, faults, places }: MasterFile,
  onError: OnError,
): Pausing<Pick<LoadedZone, 'faults' | 'rrsets'>> {
  // What was not read is not missing: one mistake would be two faults.
  const isWhole = !faults.some(isError)
  if (apex !== undefined)
    return yield* checkZoneSlowly(apex, rrsets, { file: path, places, onError, isWhole })
  return { rrsets, faults: isWhole ? [fault(path, 'has no record and no origin')] : [] }
}

function originOfFileName(path: string): Uint8Array | undefined {
  const name = basename(path)
  return name.endsWith(EXTENSION) ? parseName(name.slice(0, -EXTENSION.length)) : undefined
}

/** An included file must lie in the directory once its links are followed: a zone file is no way to read the others. */
function includedFile(directory: string, name: string): NamedText {
  const root = resolve(directory)
  const file = isAbsolute(name) ? name : join(directory, name)
  if (!resolve(root, name).startsWith(root + sep))
    throw new Error('lies outside the directory of the zone file')
  const real = realPath(file)
  if (!real.startsWith(realPath(directory) + sep))
    throw new Error('leads outside the directory of the zone file')
  const text = readText(real)
  if (text instanceof Uint8Array) return { file, text }
  throw new Error(text.reason)
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(reasonOf(error))
  }
}

function readText(path: string): Uint8Array | { readonly reason: string } {
  try {
    // A pipe or a device could keep the program waiting for ever.
    return statSync(path).isFile() ? readFileSync(path) : { reason: 'is no regular file' }
  } catch (error) {
    return { reason: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown fault'
  return REASONS[code] ?? `can not be read: ${code}`
}

function* unreadableDirectory(directory: string, reason: string): Pausing<LoadedZone> {
  yield // no pause is needed, but a zone is to be had in the same way as others
  return unreadable(directory, undefined, reason)
}

function unreadable(file: string, expectedApex: Uint8Array | undefined, reason: string): LoadedZone {
  return {
    file,
    apex: undefined,
    expectedApex,
    rrsets: [],
    faults: [fault(file, reason)],
    unreadable: reason,
  }
}

function fault(file: string, message: string): ZoneFault {
  return { file, line: 0, column: 0, severity: 'error', message }
}

function isError({ severity }: ZoneFault): boolean {
  return severity === 'error'
}
