import { dirname, join } from 'node:path'
import { filesIn, isThere } from '../shared/own-files.ts'
import {
  type OperatingSystem,
  type Part,
  type Requirements,
  readTranslatedTexts,
  SystemFault,
  type SystemFiles,
  type TranslatedRequirements,
} from './system-manifest.ts'

/** `system.fr.toml`. */
const FILE_NAME = /^system\.([a-z]{2,3}(?:-[A-Za-z0-9]+)*)\.toml$/

/**
 * The system in each language that its folder has a `system.TAG.toml` for. A language is there whole or not at all:
 * throws SystemFault for a text or a file that is missing, or that is one too many.
 */
export function readTranslations(
  folder: string,
  system: OperatingSystem,
): ReadonlyMap<string, OperatingSystem> {
  const tags = filesIn(folder).flatMap(name => FILE_NAME.exec(name)?.[1] ?? [])
  return new Map(tags.map(tag => [tag, readTranslation(join(folder, `system.${tag}.toml`), { tag, system })]))
}

function readTranslation(
  file: string,
  { tag, system }: { readonly tag: string; readonly system: OperatingSystem },
): OperatingSystem {
  const { title, kinds, ...own } = readTranslatedTexts(file)
  const stray = Object.keys(kinds).find(kind => !Object.hasOwn(system.kinds, kind))
  if (stray !== undefined) throw new SystemFault(`${file}: there is no use for kinds.${stray}`)
  const ofKinds = Object.entries(system.kinds).map(([kind, requirements]) => {
    const words = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (words === undefined) throw new SystemFault(`${file}: kinds.${kind} is missing`)
    return [kind, translate(requirements, words, `${file}: kinds.${kind}.`)] as const
  })
  return {
    ...system,
    ...translate(system, own, `${file}: `),
    title,
    kinds: Object.fromEntries(ofKinds),
    language: tag,
    files: translatedFiles(system, tag),
  }
}

function translate(
  { needs, checks, manuals, key_file }: Requirements,
  words: TranslatedRequirements,
  place: string,
): Requirements {
  const inWords = checks.filter(check => 'words' in check)
  const counts = { needs: needs.length, checks: inWords.length, manuals: manuals.length } as const
  for (const key of ['needs', 'checks', 'manuals'] as const) {
    if (words[key].length !== counts[key])
      throw new SystemFault(`${place}${key}: ${words[key].length} texts, but there are ${counts[key]}`)
  }
  const spoken = words.checks.values()
  return {
    needs: words.needs,
    checks: checks.map(check => ('words' in check ? { words: spoken.next().value ?? check.words } : check)),
    manuals: manuals.map(({ text: source, url }, at) => ({ text: words.manuals[at] ?? source, url })),
    key_file,
  }
}

/** `notes.fr.hbs` beside `notes.hbs`, and the same for scripts that are prose. */
function translatedFiles({ files, prose }: OperatingSystem, tag: string): SystemFiles {
  const inLanguage = (file: string, part: Part) => {
    const translated = join(dirname(file), `${part}.${tag}.hbs`)
    if (!isThere(translated)) throw new SystemFault(`${translated} is missing`)
    return translated
  }
  const ofKinds = [...files].map(([kind, { up, down, notes }]) => {
    const parts = {
      up: prose.includes('up') ? inLanguage(up, 'up') : up,
      down: prose.includes('down') ? inLanguage(down, 'down') : down,
      notes: inLanguage(notes, 'notes'),
    }
    return [kind, parts] as const
  })
  return new Map(ofKinds)
}
