import { createHash } from 'node:crypto'
import type Router from '@koa/router'
import { problem } from '../shared/problem.ts'
import type { Admittance } from './admittance.ts'
import type { PortalOptions } from './options.ts'
import { refuse } from './refused.ts'
import { Views } from './views.ts'
import { isWithin, visitorOf } from './visitor.ts'

/** What machines read: stylesheet and icon, the visitor's address, the health check, the metrics. */
export function mountMachineRoutes(
  router: Router,
  { selfCheck, metrics, unready }: PortalOptions,
  { metricsFrom, trustedProxies }: Admittance,
): void {
  for (const [path, asset] of Object.entries(Views.assets())) mountDocument(router, path, asset)
  router.get('/ip', ctx => {
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.body = `${visitorOf(ctx.req, trustedProxies).address}\n`
  })
  router.get('/healthz', async ctx => {
    const health = await selfCheck.check()
    ctx.status = health.kind === 'healthy' ? 200 : 503
    ctx.set('cache-control', 'no-store')
    ctx.body = health.kind === 'healthy' ? { status: 'ok' } : { status: 'unhealthy', reasons: health.reasons }
  })
  router.get('/readyz', ctx => {
    const reasons = unready()
    ctx.status = reasons.length === 0 ? 200 : 503
    ctx.set('cache-control', 'no-store')
    ctx.body = reasons.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons }
  })
  router.get('/metrics', async ctx => {
    if (!isWithin(visitorOf(ctx.req, trustedProxies).address, metricsFrom))
      throw refuse(problem('forbidden', {}))
    const { contentType, body } = await metrics.text()
    ctx.set('content-type', contentType)
    ctx.body = body
  })
}

/** A text that stays as it is until the next start: a browser that has it need not load it again. */
export function mountDocument(
  router: Router,
  path: string,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const etag = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  router.get(path, ctx => {
    ctx.type = type
    ctx.set('cache-control', 'max-age=3600')
    ctx.status = 200 // what `fresh` is asked about
    ctx.etag = etag
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.body = text
  })
}
