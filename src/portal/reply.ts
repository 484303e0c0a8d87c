import type { Context } from 'koa'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'
import { queryValue } from './query.ts'

const LANGUAGE_COOKIE = 'lang'
const LANGUAGE_SECONDS = 31_536_000

/** A 401 must say how to authenticate (RFC 9110 15.5.2); browsers ask nobody for a bearer token by themselves. */
export const BEARER_CHALLENGE = { 'www-authenticate': 'Bearer realm="freenet6"' } as const

/** Sends the browser on to the page that shows what came of its form: a reload then repeats nothing. */
export function seeOther(ctx: Context, location: string): void {
  ctx.redirect(location)
  ctx.status = 303
  ctx.set('cache-control', 'no-store')
}

const OF_PROGRAMS: ReadonlySet<string> = new Set([
  '/metrics',
  '/healthz',
  '/readyz',
  '/ip',
  '/openapi.json',
  '/geofeed.csv',
  '/.well-known/security.txt',
])

/**
 * Whether the reply is for a person: the API's never is, elsewhere the Accept header decides (RFC 9457 3). What programs
 * ask for, and curl, which accepts anything, is a page for nobody but a browser.
 */
export function wantsPage(ctx: Context): boolean {
  if (
    ctx.path.startsWith('/api/') ||
    (OF_PROGRAMS.has(ctx.path) && !/\btext\/html\b/.test(ctx.get('accept')))
  )
    return false
  return ctx.accepts('html', 'application/problem+json', 'json') === 'html'
}

/** The `:id` of the route. */
export function idOf(ctx: Context & { readonly params?: Readonly<Record<string, string>> }): string {
  return ctx.params?.id ?? ''
}

/** The language that the visitor has chosen on a page, or else the one that the program asks for. */
export function languageOf(ctx: Context, words: Words): Language {
  ctx.vary('accept-language')
  ctx.vary('cookie')
  const remembered = ctx.cookies.get(LANGUAGE_COOKIE) ?? ''
  return (
    words.byTag(askedLanguage(ctx)) ?? words.byTag(remembered) ?? words.choose(ctx.get('accept-language'))
  )
}

/** Remembers the language that a link of ours asks for, `?lang=fr`, if it is one that there is. */
export function rememberLanguage(ctx: Context, words: Words): void {
  const language = words.byTag(askedLanguage(ctx))
  if (language === undefined) return
  const cookie = `${LANGUAGE_COOKIE}=${language.tag}; path=/; max-age=${LANGUAGE_SECONDS}; samesite=lax`
  ctx.append('set-cookie', cookie)
}

/** Under this name a page's context has the token of the view that what it leads to shows as well. */
export const NEXT_VIEW = 'next view'
/** What a visitor has chosen on a page stays chosen in another language. */
const CHOICES = ['kind', 'os', 'span']

/**
 * The same page in another language, with what was chosen and with the key that is shown once; a page that came of a form has no address of its own. The path has one slash in
 * front: with two, or a backslash, the next word would be another site (RFC 3986 4.2).
 */
export function linkToLanguage(ctx: Context, tag: string): string {
  const hasAddress = ctx.method === 'GET' || ctx.method === 'HEAD'
  const path = hasAddress ? ctx.path.replace(/^[/\\]+/, '') : ''
  const query = new URLSearchParams()
  for (const name of hasAddress ? CHOICES : []) {
    const chosen = queryValue(ctx, name)
    if (chosen !== undefined) query.set(name, chosen)
  }
  const nextView: unknown = ctx.state[NEXT_VIEW]
  if (typeof nextView === 'string') query.set('first', nextView)
  query.set('lang', tag)
  return `/${path}?${query}`
}

function askedLanguage(ctx: Context): string {
  return queryValue(ctx, 'lang') ?? ''
}
