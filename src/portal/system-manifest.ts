import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'
import { textOf } from '../shared/own-files.ts'

/** What `system.toml` and the templates beside it are written in, BCP 47. */
export const SOURCE_LANGUAGE = 'en'

/** What must be in the folder of a kind of tunnel within a system's. */
export const PARTS = ['up', 'down', 'notes'] as const
export type Part = (typeof PARTS)[number]

const text = z.string().min(1)

/** What a tunnel asks of a system. */
const requirements = z.strictObject({
  needs: z.array(text).min(1),
  /** What shows whether the needs are met: a command, or in words where to look. */
  checks: z.array(z.union([z.strictObject({ command: text }), z.strictObject({ words: text })])).min(1),
  /** Where the system's own IPv6 stack and tunnels are described: the draft's pointer to an implementation. */
  manuals: z.array(z.strictObject({ text, url: z.url({ protocol: /^https$/ }) })).min(1),
  /** Where the scripts look for WireGuard's private key, if a shell on the system makes it; absent: it is made otherwise. */
  key_file: z
    .string()
    .regex(/^(?:\/[\w.-]+)+$/, { error: 'an absolute path' })
    .optional(),
})

/** A command for a person to copy, with places for the name of the script and for its address. */
function commandWith(...places: readonly string[]) {
  return text.refine(command => places.every(place => command.includes(place)), {
    error: `a command with ${places.join(' and ')}`,
  })
}

/** How a person gets to a tunnel by hand, with what the system has from the start. */
const steps = z.strictObject({
  fetch: commandWith('{file}', '{url}'),
  read: commandWith('{file}'),
  /** Absent: what the script says is typed in by hand. */
  run: commandWith('{file}').optional(),
  /** Puts the script, and the program that runs it again, where update clients find them. */
  keep: commandWith('{file}').optional(),
  /** Makes cron heed its table, on a system where it does not run by itself. */
  cron: text.optional(),
})

/** What a page says about an operating system before anybody registers, and how its scripts are kept. */
const manifest = requirements.extend({
  title: text,
  /** Its place on the first page. */
  order: z.int(),
  /** File ending of its scripts. */
  ending: z.enum(['sh', 'cmd', 'txt', 'rsc']),
  /** Scripts that are steps for a person: they are written in each language, as the notes are. */
  prose: z.array(z.enum(['up', 'down'])).default([]),
  /** Absent: nobody types commands there. */
  steps: steps.optional(),
  /** By kind of tunnel, if one asks for something else than the system's other kinds. */
  kinds: z.record(text, requirements).default({}),
})

/** The words of `needs`, of the checks that are in words, and of `manuals`, in the order of `system.toml`. */
const translatedRequirements = z.strictObject({
  needs: z.array(text),
  checks: z.array(text).default([]),
  manuals: z.array(text),
})

const translation = translatedRequirements.extend({
  title: text,
  kinds: z.record(text, translatedRequirements).default({}),
})

export type Requirements = Readonly<z.output<typeof requirements>>
export type Manifest = Readonly<z.output<typeof manifest>>
export type TranslatedRequirements = Readonly<z.output<typeof translatedRequirements>>
/** Template files of a system's scripts, by kind of tunnel. */
export type SystemFiles = ReadonlyMap<string, Readonly<Record<Part, string>>>

export type OperatingSystem = Manifest & {
  readonly id: string
  /** What its texts are written in, BCP 47. */
  readonly language: string
  readonly files: SystemFiles
}

/** A system's folder that is not as it must be; the message names file and key. */
export class SystemFault extends Error {
  readonly code = 'system-fault'
}

/** Throws SystemFault. */
export function readManifest(file: string): Manifest {
  return readChecked(file, manifest)
}

/** The texts of `system.TAG.toml`. Throws SystemFault. */
export function readTranslatedTexts(file: string): Readonly<z.output<typeof translation>> {
  return readChecked(file, translation)
}

function readChecked<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  const read = schema.safeParse(parsed(file))
  if (read.success) return read.data
  const mistakes = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`)
  throw new SystemFault(`${file}: ${mistakes.join('; ')}`)
}

function parsed(file: string): unknown {
  try {
    return parseToml(textOf(file))
  } catch (error) {
    throw new SystemFault(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
