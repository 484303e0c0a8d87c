import type { Context } from 'koa'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'

/** A 401 must say how to authenticate (RFC 9110 15.5.2); browsers ask nobody for a bearer token by themselves. */
export const BEARER_CHALLENGE = { 'www-authenticate': 'Bearer realm="freenet6"' } as const

/** Sends the browser on to the page that shows what came of its form: a reload then repeats nothing. */
export function seeOther(ctx: Context, location: string): void {
  ctx.redirect(location)
  ctx.status = 303
  ctx.set('cache-control', 'no-store')
}

/** Whether the reply is for a person: the API's never is, elsewhere the Accept header decides (RFC 9457 3). */
export function wantsPage(ctx: Context): boolean {
  return !ctx.path.startsWith('/api/') && ctx.accepts('html', 'application/problem+json', 'json') === 'html'
}

/** The `:id` of the route. */
export function idOf(ctx: Context & { readonly params?: Readonly<Record<string, string>> }): string {
  return ctx.params?.id ?? ''
}

/** The language that the visitor's program asks for, as far as we have it. */
export function languageOf(ctx: Context, words: Words): Language {
  ctx.vary('accept-language')
  return words.choose(ctx.get('accept-language'))
}
