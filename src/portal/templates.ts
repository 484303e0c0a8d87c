import { join, relative } from 'node:path'
import { runInThisContext } from 'node:vm'
import Handlebars from 'handlebars'
import { filesBelow, TEMPLATES_DIR, textOf } from '../shared/own-files.ts'
import type { Language } from '../words/language.ts'
import type { Sentence } from '../words/sentences.ts'
import { escapeValue, markUp } from './mark-up.ts'

const ENDING = '.hbs'

export type Template = (values: object) => string
export type Page = (values: object, language: Language) => string

/** `{{say 'key' name=value}}` on a page. */
const SAYING = /\bsay '([^']*)'/g

/**
 * The one Handlebars instance. Pages escape every value; scripts escape nothing, for a shell knows no HTML, and take
 * only values that `script-values.ts` has let through. A value that a template names and nobody gives is a fault.
 */
export class Templates {
  readonly #handlebars = Handlebars.create()

  constructor() {
    this.#handlebars.registerHelper('say', say)
    const partials = join(TEMPLATES_DIR, 'partials')
    for (const file of filesBelow(partials).filter(path => path.endsWith(ENDING))) {
      const name = relative(partials, file).slice(0, -ENDING.length)
      this.#handlebars.registerPartial(name, this.script(file))
    }
  }

  /** Compiles a page of `templates/pages`. Throws WordsFault if it says a sentence that `language` does not have. */
  page(name: string, language: Language): Page {
    const text = textOf(join(TEMPLATES_DIR, 'pages', `${name}${ENDING}`))
    for (const [, key = ''] of text.matchAll(SAYING)) language.sentence(key as Sentence)
    const template = this.#compileNow(text, {
      strict: true,
      knownHelpersOnly: true,
      knownHelpers: { say: true },
    })
    return (values, spoken) => template(values, { data: { language: spoken } })
  }

  /** Handlebars' own `compile` does nothing until the first use, which would be a visitor's. */
  #compileNow(text: string, options: PrecompileOptions): HandlebarsTemplateDelegate<object> {
    const source = this.#handlebars.precompile(text, options) as unknown as string // as it is, whatever its type says
    return this.#handlebars.template(runInThisContext(`(${source})`) as TemplateSpecification)
  }

  /** Compiles a script or a part of one, with the partials of `templates/partials`. */
  script(file: string): Template {
    const text = textOf(file)
    return this.#handlebars.compile(text, { strict: true, knownHelpersOnly: true, noEscape: true })
  }
}

/** A sentence in the page's language, with what the words mark; its values are escaped. */
function say(key: string, { hash, data }: Handlebars.HelperOptions): Handlebars.SafeString {
  const { language } = data as { readonly language: Language }
  const params = Object.entries(hash).map(([name, value]) => [name, escapeValue(String(value))])
  return new Handlebars.SafeString(markUp(language.sentence(key as Sentence, Object.fromEntries(params))))
}
