import type { Middleware } from 'koa'
import { problem } from '../shared/problem.ts'
import { UPDATE_PATH } from './dyndns2.ts'
import { isToIpv4Name } from './host-guard.ts'
import { refuse } from './refused.ts'

/** Shows a visitor the address that it comes from. */
const SEEN_PATH = '/ip'
/** What a program asks for that wants to come over IPv4. */
const SERVED: readonly string[] = [SEEN_PATH, UPDATE_PATH]
const PAGE_METHODS: readonly string[] = ['GET', 'HEAD']

/**
 * Serves nothing but updates under the name that leads here over IPv4 alone. Cookies and the origin that forms are sent
 * from are the public URL's: whoever looks for a page is sent there, for this time, since names may change.
 */
export function keepToUpdates({
  publicUrl,
  ipv4Host,
}: {
  readonly publicUrl: string
  readonly ipv4Host: string | undefined
}): Middleware {
  const origin = URL.parse(publicUrl)?.origin ?? publicUrl
  return async (ctx, next) => {
    const isToIt = isToIpv4Name(ctx.req, ipv4Host)
    if (isToIt && ctx.path === SEEN_PATH) ctx.set('access-control-allow-origin', origin) // the form asks it
    if (!isToIt || SERVED.includes(ctx.path)) {
      await next()
      return
    }
    if (!PAGE_METHODS.includes(ctx.method))
      throw refuse(problem('misdirected', { host: URL.parse(publicUrl)?.hostname ?? '' }))
    ctx.redirect(`${publicUrl}${ctx.path}${ctx.search}`)
    ctx.status = 307
  }
}
