import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Handlebars from 'handlebars'

const TEMPLATES_DIR = join(import.meta.dirname, '..', '..', 'templates')
const ENDING = '.hbs'

export type Template = (values: object) => string

/**
 * The one Handlebars instance. Pages escape every value; scripts escape nothing, for a shell knows no HTML, and take
 * only values that `script-values.ts` has let through. A value that a template names and nobody gives is a fault.
 */
export class Templates {
  readonly #handlebars = Handlebars.create()

  constructor() {
    const partials = join(TEMPLATES_DIR, 'partials')
    for (const file of readdirSync(partials, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith(ENDING)) continue
      this.#handlebars.registerPartial(file.slice(0, -ENDING.length), this.script(join(partials, file)))
    }
  }

  /** Compiles a page of `templates/pages`. */
  page(name: string): Template {
    const text = readFileSync(join(TEMPLATES_DIR, 'pages', `${name}${ENDING}`), 'utf8')
    return this.#handlebars.compile(text, { strict: true, knownHelpersOnly: true })
  }

  /** Compiles a script or a part of one, with the partials of `templates/partials`. */
  script(file: string): Template {
    const text = readFileSync(file, 'utf8')
    return this.#handlebars.compile(text, { strict: true, knownHelpersOnly: true, noEscape: true })
  }
}
