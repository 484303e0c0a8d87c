import { join } from 'node:path'
import { foldersIn, isThere, TEMPLATES_DIR } from '../shared/own-files.ts'
import {
  type OperatingSystem,
  PARTS,
  type Part,
  type Requirements,
  readManifest,
  SOURCE_LANGUAGE,
  SystemFault,
  type SystemFiles,
} from './system-manifest.ts'
import { readTranslations } from './system-translation.ts'

const SYSTEMS_DIR = join(TEMPLATES_DIR, 'systems')
const MANIFEST = 'system.toml'

/** What a kind of tunnel asks of a system. */
export function requirementsOf(system: OperatingSystem, kind: string): Requirements {
  const own = Object.hasOwn(system.kinds, kind) ? system.kinds[kind] : undefined // a kind is what a visitor typed
  const { needs, checks, manuals, key_file } = own ?? system
  return { needs, checks, manuals, key_file }
}

/** The operating systems that there are scripts for: a folder of `templates/systems` each. */
export class OperatingSystems {
  readonly all: readonly OperatingSystem[]
  readonly ids: readonly string[]
  /** By language: the same systems, in it. */
  readonly #spoken: ReadonlyMap<string, OperatingSystems>

  private constructor(all: readonly OperatingSystem[], spoken: ReadonlyMap<string, OperatingSystems>) {
    this.all = all
    this.ids = all.map(({ id }) => id)
    this.#spoken = spoken
  }

  /** Reads every folder. Throws SystemFault if one is not whole. */
  static load(directory = SYSTEMS_DIR): OperatingSystems {
    const all = foldersIn(directory)
      .map(id => readSystem(directory, id))
      .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
    const translated = all.map(system => readTranslations(join(directory, system.id), system))
    const tags = new Set(translated.flatMap(ofSystem => [...ofSystem.keys()]))
    const inLanguage = (tag: string) => all.map((system, at) => translated[at]?.get(tag) ?? system)
    const spoken = [...tags].map(tag => [tag, new OperatingSystems(inLanguage(tag), new Map())] as const)
    return new OperatingSystems(all, new Map(spoken))
  }

  /** Every language that one of them is written in. */
  get languages(): readonly string[] {
    return [SOURCE_LANGUAGE, ...this.#spoken.keys()]
  }

  /** The same systems with their texts in a language; in English if one has none in it. */
  in(language: string): OperatingSystems {
    return this.#spoken.get(language) ?? this
  }

  /** Those that have scripts for one of the kinds. */
  having(kinds: readonly string[]): OperatingSystems {
    const all = this.all.filter(({ files }) => kinds.some(kind => files.has(kind)))
    return new OperatingSystems(all, new Map())
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
  const kinds = foldersIn(folder)
  if (kinds.length === 0) throw new SystemFault(`${folder}: no kind of tunnel has a folder here`)
  const files: SystemFiles = new Map(kinds.map(kind => [kind, partsIn(join(folder, kind))]))
  return { ...readManifest(join(folder, MANIFEST)), id, language: SOURCE_LANGUAGE, files }
}

function partsIn(folder: string): Readonly<Record<Part, string>> {
  const file = (part: Part) => join(folder, `${part}.hbs`)
  for (const part of PARTS) if (!isThere(file(part))) throw new SystemFault(`${file(part)} is missing`)
  return { up: file('up'), down: file('down'), notes: file('notes') }
}
