import type { Context } from 'koa'
import { problem } from '../shared/problem.ts'
import { refuse } from './refused.ts'
import { seeOther, wantsPage } from './reply.ts'

/** What a form of a tunnel's page is sent to; the match is the page. */
const FORM_OF_A_TUNNEL =
  /^\/tunnels\/[a-z0-9]+(?=\/(?:endpoint|key|delete|mtu|public-key|routed-prefix|routed-prefix\/return)$)/

/** 404, or the 405 that `allowedMethods` has made, as a problem like all others (RFC 9110 15.5.6). */
export function refuseUnmatched(ctx: Context): void {
  const isOfApi = ctx.path.startsWith('/api/')
  if (ctx.status === 404 && !ctx._matchedRoute)
    throw refuse(problem('not-found', { case: isOfApi ? 'api' : 'page' }))
  if (ctx.status !== 405) return
  const form = formOf(ctx)
  const allow = ctx.response.get('allow')
  if (form !== undefined) {
    seeOther(ctx, form)
    return
  }
  throw refuse(problem('method-not-allowed', { allowed: allow }), { allow })
}

/** The page with the form that is sent to this address, for a person who opens the address itself. */
function formOf(ctx: Context): string | undefined {
  if (ctx.method !== 'GET' || !wantsPage(ctx)) return undefined
  if (ctx.path === '/register') return '/'
  if (ctx.path === '/sign-out') return '/tunnels'
  if (ctx.path === '/recover/mail') return '/recover'
  return FORM_OF_A_TUNNEL.exec(ctx.path)?.[0]
}
