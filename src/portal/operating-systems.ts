import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'

const SYSTEMS_DIR = join(import.meta.dirname, '..', '..', 'templates', 'systems')
const MANIFEST = 'system.toml'
/** What must be in the folder of a kind of tunnel within a system's. */
const PARTS = ['up', 'down', 'notes'] as const

export type Part = (typeof PARTS)[number]

const text = z.string().min(1)

/** What a tunnel asks of a system. */
const requirements = z.strictObject({
  needs: z.array(text).min(1),
  /** Commands that show whether the needs are met. */
  checks: z.array(z.strictObject({ command: text })).min(1),
  /** Where the system's own IPv6 stack and tunnels are described: the draft's pointer to an implementation. */
  manuals: z.array(z.strictObject({ text, url: z.url({ protocol: /^https$/ }) })).min(1),
})

/** What a page says about an operating system before anybody registers, and how its scripts are kept. */
const manifest = requirements.extend({
  title: text,
  /** Its place on the first page. */
  order: z.int(),
  /** File ending of its scripts. */
  ending: z.enum(['sh', 'cmd', 'txt', 'rsc']),
  /** By kind of tunnel, where one asks for something else than the system's other kinds. */
  kinds: z.record(text, requirements).default({}),
})

type Requirements = Readonly<z.output<typeof requirements>>

export type OperatingSystem = Readonly<z.output<typeof manifest>> & {
  readonly id: string
  /** Template files of its scripts, by kind of tunnel. */
  readonly files: ReadonlyMap<string, Readonly<Record<Part, string>>>
}

/** What a kind of tunnel asks of a system. */
export function requirementsOf(system: OperatingSystem, kind: string): Requirements {
  const own = Object.hasOwn(system.kinds, kind) ? system.kinds[kind] : undefined // a kind is what a visitor typed
  const { needs, checks, manuals } = own ?? system
  return { needs, checks, manuals }
}

/** A system's folder that is not as it must be; the message names file and key. */
export class SystemFault extends Error {
  readonly code = 'system-fault'
}

/** The operating systems that there are scripts for: a folder of `templates/systems` each. */
export class OperatingSystems {
  readonly all: readonly OperatingSystem[]
  readonly ids: readonly string[]

  private constructor(all: readonly OperatingSystem[]) {
    this.all = all
    this.ids = all.map(({ id }) => id)
  }

  /** Reads every folder. Throws SystemFault if one is not whole. */
  static load(directory = SYSTEMS_DIR): OperatingSystems {
    const folders = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory())
    const all = folders.map(({ name }) => readSystem(directory, name))
    return new OperatingSystems(all.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1)))
  }

  /** The ids of those that have scripts for a kind of tunnel, in the order of the first page; all if none has any. */
  idsOf(kind: string): readonly string[] {
    const ids = this.all.filter(({ files }) => files.has(kind)).map(({ id }) => id)
    return ids.length === 0 ? this.ids : ids
  }

  find(id: string): OperatingSystem | undefined {
    return this.all.find(system => system.id === id)
  }
}

function readSystem(directory: string, id: string): OperatingSystem {
  const folder = join(directory, id)
  if (!/^[a-z][a-z0-9-]*$/.test(id))
    throw new SystemFault(`${folder}: lower-case letters, digits and hyphens`)
  const kinds = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
  if (kinds.length === 0) throw new SystemFault(`${folder}: no kind of tunnel has a folder here`)
  const files = new Map(kinds.map(({ name }) => [name, partsIn(join(folder, name))]))
  return { ...readManifest(join(folder, MANIFEST)), id, files }
}

function partsIn(folder: string): Readonly<Record<Part, string>> {
  const file = (part: Part) => join(folder, `${part}.hbs`)
  for (const part of PARTS) if (!existsSync(file(part))) throw new SystemFault(`${file(part)} is missing`)
  return { up: file('up'), down: file('down'), notes: file('notes') }
}

function readManifest(file: string): z.output<typeof manifest> {
  const read = manifest.safeParse(parsed(file))
  if (read.success) return read.data
  const mistakes = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`)
  throw new SystemFault(`${file}: ${mistakes.join('; ')}`)
}

function parsed(file: string): unknown {
  try {
    return parseToml(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new SystemFault(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
