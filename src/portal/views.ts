import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Handlebars from 'handlebars'
import type { Context } from 'koa'
import { filesIn, TEMPLATES_DIR, textOf, textOfPackage } from '../shared/own-files.ts'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'
import type { ServiceFacts } from './options.ts'
import { languageOf, linkToLanguage, rememberLanguage } from './reply.ts'
import type { Page, Templates } from './templates.ts'

const PAGES_DIR = join(TEMPLATES_DIR, 'pages')

/** Runs in the browser alone: what it draws holds a private key. */
const QR_CODE_FILE = fileURLToPath(import.meta.resolve('uqr'))

/** What a page shows; its template says which values it needs. */
export type PageValues = { readonly title: string } & Readonly<Record<string, unknown>>

/** The pages, compiled once from disk. Every value is escaped; nothing that a visitor sends is ever a template. */
export class Views {
  readonly #pages = new Map<string, Page>()
  readonly #facts: ServiceFacts
  readonly #words: Words
  /** What each language is called by its speakers. */
  readonly #names: ReadonlyMap<string, string>

  /** Throws WordsFault for a page that says what no language has. */
  constructor(facts: ServiceFacts, words: Words, templates: Templates) {
    this.#facts = facts
    this.#words = words
    this.#names = new Map(words.all.map(({ tag }) => [tag, ownNameOf(tag)]))
    for (const file of filesIn(PAGES_DIR).filter(name => name.endsWith('.hbs'))) {
      const name = basename(file, '.hbs')
      this.#pages.set(name, templates.page(name, words.fallback))
    }
  }

  /** Replies with a page, with the status that the context has. Pages change with their visitor: none is stored. */
  send(ctx: Context, name: string, values: PageValues): void {
    const language = languageOf(ctx, this.#words)
    rememberLanguage(ctx, this.#words)
    ctx.body = this.#render(name, { ...values, languages: this.#switch(ctx, language) }, language)
    ctx.set('content-language', language.tag)
    ctx.type = 'html'
    ctx.set('cache-control', 'no-store')
  }

  /** Links to the page in every language, each called as its speakers call it. */
  #switch(ctx: Context, spoken: Language): readonly object[] {
    return this.#words.all.map(({ tag }) => ({
      tag,
      name: this.#names.get(tag) ?? tag,
      href: linkToLanguage(ctx, tag),
      isSpoken: tag === spoken.tag,
    }))
  }

  /** A whole page: the named template inside the layout. `values.title` is the page's title. */
  #render(name: string, values: PageValues, language: Language): string {
    const page = this.#pages.get(name)
    const layout = this.#pages.get('layout')
    if (page === undefined || layout === undefined) throw new RangeError(`there is no page ${name}`)
    const context = { ...values, facts: this.#facts, language: language.tag }
    const content = new Handlebars.SafeString(page(context, language))
    return layout({ ...context, content }, language)
  }

  /** Stylesheet, icon and scripts, by the paths that pages name. */
  static assets(): Readonly<Record<string, { readonly type: string; readonly text: string }>> {
    const read = (file: string) => textOf(join(PAGES_DIR, file))
    return {
      '/style.css': { type: 'text/css', text: read('style.css') },
      '/wireguard.js': { type: 'text/javascript', text: read('wireguard.js') },
      '/own-addresses.js': { type: 'text/javascript', text: read('own-addresses.js') },
      '/qr-code.js': { type: 'text/javascript', text: textOfPackage(QR_CODE_FILE) },
      '/live.js': { type: 'text/javascript', text: read('live.js') },
      '/icon.svg': { type: 'image/svg+xml', text: read('icon.svg') },
    }
  }
}

function ownNameOf(tag: string): string {
  return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
}
