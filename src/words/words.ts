import { basename, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { filesIn, TEMPLATES_DIR, textOf } from '../shared/own-files.ts'
import { Language, WordsFault } from './language.ts'

const WORDS_DIR = join(TEMPLATES_DIR, 'words')
/** Spoken if no other language is asked for. */
const FALLBACK = 'en'
/** Of a range that a client sends; a language, script, region and variant are four. */
const MOST_SUBTAGS = 8

/** The languages of `templates/words`: a file more is a language more. */
export class Words {
  /** By tag in lower case: RFC 5646 2.1.1 has no other meaning for a capital. */
  readonly #languages: ReadonlyMap<string, Language>
  /** For logs, commands, and whoever asks for no language that is there. */
  readonly fallback: Language

  private constructor(languages: ReadonlyMap<string, Language>, directory: string) {
    this.#languages = languages
    const fallback = languages.get(FALLBACK) ?? [...languages.values()][0]
    if (fallback === undefined) throw new WordsFault(`${directory}: there is no language`)
    this.fallback = fallback
  }

  /** Reads every language of the folder. Throws WordsFault if one lacks a text, or has one that nothing uses. */
  static load(directory = WORDS_DIR): Words {
    const files = filesIn(directory).filter(name => name.endsWith('.toml'))
    const languages = files.map(name => readLanguage(join(directory, name)))
    return new Words(new Map(languages.map(language => [language.tag.toLowerCase(), language])), directory)
  }

  get all(): readonly Language[] {
    return [...this.#languages.values()]
  }

  /** The language whose file is called so; undefined: there is none. */
  byTag(tag: string): Language | undefined {
    return this.#languages.get(tag.toLowerCase())
  }

  /** The first language there is of those in Accept-Language, the preferred first (RFC 9110 12.5.4, RFC 4647 3.4). */
  choose(acceptLanguage: string): Language {
    for (const range of rangesIn(acceptLanguage)) {
      const found = this.#lookUp(range)
      if (found !== undefined) return found
    }
    return this.fallback
  }

  /** RFC 4647 3.4: the range from its end becomes shorter until there is a language of that tag. */
  #lookUp(range: string): Language | undefined {
    const subtags = range.split('-', MOST_SUBTAGS)
    for (let length = subtags.length; length > 0; length--) {
      const found = this.byTag(subtags.slice(0, length).join('-'))
      if (found !== undefined) return found
    }
    return undefined
  }
}

function readLanguage(file: string): Language {
  const texts = new Map<string, string>()
  try {
    flatten(parseToml(textOf(file)), '', texts)
  } catch (error) {
    throw new WordsFault(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  return new Language(basename(file, '.toml'), texts, file)
}

/** Tables as dotted keys; what is neither a table nor a text is left to the check as an unknown key. */
function flatten(value: unknown, key: string, texts: Map<string, string>): void {
  if (typeof value !== 'object' || value === null) {
    texts.set(key, String(value))
    return
  }
  for (const [name, inner] of Object.entries(value))
    flatten(inner, key === '' ? name : `${key}.${name}`, texts)
}

function rangesIn(acceptLanguage: string): string[] {
  const weighted = acceptLanguage.split(',').map(part => {
    const [range = '', ...parameters] = part.split(';').map(text => text.trim().toLowerCase())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
  })
  return weighted
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ range }) => range)
}
