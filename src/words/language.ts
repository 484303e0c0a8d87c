import { PROBLEMS, type Problem, type ProblemCode, sortOf } from '../shared/problem.ts'
import { SENTENCES, type Sentence } from './sentences.ts'

type Params = Readonly<Record<string, string | number>>

/** Words that are not as the program needs them; the message names the file and the key. */
export class WordsFault extends Error {
  readonly code = 'words-fault'
}

/** `{ipv4}`, or `{seconds:duration}`. */
const PLACEHOLDER = /\{([a-z][a-z0-9]*)(:duration)?\}/g
/** A placeholder as other templates write it. */
const DOUBLED = /\{\{[^{}]*\}\}/
const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** Powers of a thousand. */
const OCTET_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** One language: every problem's title and detail, and every sentence of the pages. */
export class Language {
  /** BCP 47, as the file is called. */
  readonly tag: string
  readonly #texts: ReadonlyMap<string, string>
  /** By what they are for: to make one takes longer than a page. */
  readonly #numbers = new Map<string, Intl.NumberFormat>()
  readonly #ago: Intl.RelativeTimeFormat
  readonly #daysAgo: Intl.RelativeTimeFormat
  readonly #regions: Intl.DisplayNames

  /** `texts` has a text for each key, such as `problem.internal.title`. Throws WordsFault for a missing or unknown one. */
  constructor(tag: string, texts: ReadonlyMap<string, string>, file: string) {
    this.tag = tag
    this.#texts = texts
    this.#ago = new Intl.RelativeTimeFormat(tag)
    this.#daysAgo = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })
    this.#regions = new Intl.DisplayNames([tag], { type: 'region' })
    checkTexts(texts, file)
  }

  /** The same for every occurrence of the code (RFC 9457 3.1.2). */
  title(code: ProblemCode): string {
    return this.#text(`problem.${code}.title`)
  }

  /** One or two sentences for a person: what is wrong this time, and what to do. */
  detail({ code, params }: Problem): string {
    const key = sortOf(code).cases === undefined ? 'detail' : `detail.${params.case}`
    return this.#fill(`problem.${code}.${key}`, params)
  }

  sentence(key: Sentence, params: Params = {}): string {
    return this.#fill(`page.${key}`, params)
  }

  #text(key: string): string {
    const text = this.#texts.get(key)
    if (text === undefined) throw new WordsFault(`${this.tag}: there are no words for ${key}`)
    return text
  }

  #fill(key: string, params: Params): string {
    return this.#text(key).replace(PLACEHOLDER, (_, name: string, unit: string | undefined) => {
      const value = params[name] ?? ''
      return unit === undefined ? String(value) : this.duration(Number(value))
    })
  }

  /** A number as the language writes it, with at most `digits` digits behind the point. */
  number(value: number, digits = 0): string {
    return this.#format(`${digits} digits`, { maximumFractionDigits: digits }).format(value)
  }

  /** A number of octets, in the largest unit of which there is one. */
  octets(count: number): string {
    const power = Math.min(OCTET_UNITS.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3))
    const unit = OCTET_UNITS[power] ?? 'byte'
    const maximumFractionDigits = power === 0 ? 0 : 1
    return this.#format(unit, { style: 'unit', unit, maximumFractionDigits }).format(count / 1000 ** power)
  }

  /** A share of one. */
  percent(share: number): string {
    return this.#format('percent', { style: 'percent' }).format(share)
  }

  /** A number of seconds before now, in the largest unit of which there are two. */
  ago(seconds: number): string {
    const [unit, length] = UNITS.find(([, each]) => seconds >= 2 * each) ?? (['minute', 60] as const)
    return this.#ago.format(-Math.round(seconds / length), unit)
  }

  /** A day by its distance from today: "today", "yesterday", "2 days ago". */
  daysAgo(days: number): string {
    return this.#daysAgo.format(-days, 'day')
  }

  /** A number of seconds in words: in the largest unit of which there are two. */
  duration(seconds: number): string {
    const [unit, length] = UNITS.find(([, each]) => seconds >= 2 * each) ?? (['second', 1] as const)
    return this.#format(unit, { style: 'unit', unit, unitDisplay: 'long' }).format(
      Math.ceil(seconds / length),
    )
  }

  /** What a country is called, by its alpha-2 code of ISO 3166-1 in any case. */
  country(code: string): string {
    return this.#regions.of(code.toUpperCase()) ?? code
  }

  #format(use: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const format = this.#numbers.get(use) ?? new Intl.NumberFormat(this.tag, options)
    this.#numbers.set(use, format)
    return format
  }
}

/** The keys that a language must have, each with the names that its text may use. */
function wantedTexts(): ReadonlyMap<string, readonly string[]> {
  const wanted = new Map<string, readonly string[]>()
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const { params, cases } = sortOf(code)
    wanted.set(`problem.${code}.title`, [])
    for (const key of cases?.map(name => `detail.${name}`) ?? ['detail']) {
      wanted.set(`problem.${code}.${key}`, params)
    }
  }
  for (const [key, params] of Object.entries(SENTENCES)) wanted.set(`page.${key}`, params)
  return wanted
}

function checkTexts(texts: ReadonlyMap<string, string>, file: string): void {
  const wanted = wantedTexts()
  for (const [key, params] of wanted) {
    const text = texts.get(key)
    if (text === undefined) throw new WordsFault(`${file}: ${key} is missing`)
    const stray = [...text.matchAll(PLACEHOLDER)].find(([, name = '']) => !params.includes(name))
    if (stray !== undefined) throw new WordsFault(`${file}: ${key} uses ${stray[0]}, which it is not given`)
    const doubled = DOUBLED.exec(text)?.[0]
    if (doubled !== undefined)
      throw new WordsFault(`${file}: ${key} has ${doubled}, a name in two pairs of braces`)
    if (key.startsWith('page.') && /[<&]/.test(text))
      throw new WordsFault(`${file}: ${key} holds markup; \`code\`, *strong* and [link](/path) are its marks`)
  }
  const unknown = [...texts.keys()].find(key => !wanted.has(key))
  if (unknown !== undefined) throw new WordsFault(`${file}: there is no use for ${unknown}`)
}
