import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Handlebars from 'handlebars'
import type { Context } from 'koa'
import type { ServiceFacts } from './options.ts'
import type { Template, Templates } from './templates.ts'

const PAGES_DIR = join(import.meta.dirname, '..', '..', 'templates', 'pages')

/** Runs in the browser alone: what it draws holds a private key. */
const QR_CODE_FILE = fileURLToPath(import.meta.resolve('uqr'))

/** What a page shows; its template says which values it needs. */
export type PageValues = { readonly title: string } & Readonly<Record<string, unknown>>

/** The pages, compiled once from disk. Every value is escaped; nothing that a visitor sends is ever a template. */
export class Views {
  readonly #pages = new Map<string, Template>()
  readonly #facts: ServiceFacts

  constructor(facts: ServiceFacts, templates: Templates) {
    this.#facts = facts
    for (const file of readdirSync(PAGES_DIR).filter(name => name.endsWith('.hbs'))) {
      const name = basename(file, '.hbs')
      this.#pages.set(name, templates.page(name))
    }
  }

  /** Replies with a page, with the status that the context has. Pages change with their visitor: none is stored. */
  send(ctx: Context, name: string, values: PageValues): void {
    ctx.body = this.#render(name, values)
    ctx.type = 'html'
    ctx.set('cache-control', 'no-store')
  }

  /** A whole page: the named template inside the layout. `values.title` is the page's title. */
  #render(name: string, values: PageValues): string {
    const page = this.#pages.get(name)
    const layout = this.#pages.get('layout')
    if (page === undefined || layout === undefined) throw new RangeError(`there is no page ${name}`)
    const context = { ...values, facts: this.#facts }
    return layout({ ...context, content: new Handlebars.SafeString(page(context)) })
  }

  /** Stylesheet, icon and the scripts of WireGuard's pages, by the paths that pages name. */
  static assets(): Readonly<Record<string, { readonly type: string; readonly text: string }>> {
    const read = (file: string) => readFileSync(join(PAGES_DIR, file), 'utf8')
    return {
      '/style.css': { type: 'text/css', text: read('style.css') },
      '/wireguard.js': { type: 'text/javascript', text: read('wireguard.js') },
      '/qr-code.js': { type: 'text/javascript', text: readFileSync(QR_CODE_FILE, 'utf8') },
      '/icon.svg': { type: 'image/svg+xml', text: read('icon.svg') },
    }
  }
}
