/**
 * What comes with the program beside its code. A process goes on with the files of its own version while an upgrade puts
 * others in their place: it reads all of them when it first needs one, and keeps them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

export const TEMPLATES_DIR = join(import.meta.dirname, '..', '..', 'templates')

/** What is said of a directory's entry. */
interface Entry {
  readonly name: string
  readonly isDirectory: boolean
}

interface Files {
  /** By path. */
  readonly texts: Map<string, string>
  /** By the path of their directory. */
  readonly entries: Map<string, readonly Entry[]>
}

let kept: Files | undefined
/** Of packages, by path. */
const keptOfPackages = new Map<string, string>()

/** The text of a file: of one of ours as it was when this process began. Throws if there is none. */
export function textOf(file: string): string {
  return isOurs(file) ? known(ours().texts, file) : readFileSync(file, 'utf8')
}

/** The text of a package's file, as it was when this process first asked for it. Throws if there is none. */
export function textOfPackage(file: string): string {
  const text = keptOfPackages.get(file) ?? readFileSync(file, 'utf8')
  keptOfPackages.set(file, text)
  return text
}

export function isThere(file: string): boolean {
  return isOurs(file) ? ours().texts.has(file) : existsSync(file)
}

/** Names of the files in a directory. Throws if there is none. */
export function filesIn(directory: string): string[] {
  return entriesOf(directory).flatMap(({ name, isDirectory }) => (isDirectory ? [] : [name]))
}

/** Names of the directories in a directory. Throws if there is none. */
export function foldersIn(directory: string): string[] {
  return entriesOf(directory).flatMap(({ name, isDirectory }) => (isDirectory ? [name] : []))
}

/** Paths of the files in a directory and in all below it. Throws if there is none. */
export function filesBelow(directory: string): string[] {
  const below = foldersIn(directory).flatMap(name => filesBelow(join(directory, name)))
  return [...filesIn(directory).map(name => join(directory, name)), ...below]
}

function entriesOf(directory: string): readonly Entry[] {
  return isOurs(directory) ? known(ours().entries, directory) : listed(directory)
}

function isOurs(path: string): boolean {
  const [first] = relative(TEMPLATES_DIR, path).split(sep)
  return first !== '..'
}

function known<Value>(values: ReadonlyMap<string, Value>, path: string): Value {
  const value = values.get(path)
  if (value === undefined) throw new Error(`${path}: this version has no such file`)
  return value
}

function ours(): Files {
  if (kept !== undefined) return kept
  const files: Files = { texts: new Map(), entries: new Map() }
  keep(TEMPLATES_DIR, files)
  kept = files
  return files
}

function keep(directory: string, files: Files): void {
  const entries = listed(directory)
  files.entries.set(directory, entries)
  for (const { name, isDirectory } of entries) {
    const path = join(directory, name)
    if (isDirectory) keep(path, files)
    else files.texts.set(path, readFileSync(path, 'utf8'))
  }
}

/** Editors leave names with a dot in front, some of which lead nowhere. */
function listed(directory: string): readonly Entry[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isFile()))
    .map(entry => ({ name: entry.name, isDirectory: entry.isDirectory() }))
}
