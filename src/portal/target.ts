import type { Context } from 'koa'

/** RFC 9457 4.2.1: a problem that its status says all about; no code of ours, no language and no page is needed. */
const UNREADABLE = {
  type: 'about:blank',
  title: 'Bad Request',
  status: 400,
  detail: 'The target in the request line is not a URL or a path that can be read.',
} as const

/** Whether the request's target has a path. Node lets some through that Koa can't take apart, and would throw for. */
export function isTargetReadable(ctx: Context): boolean {
  try {
    return typeof ctx.path === 'string'
  } catch {
    return false
  }
}

/** Replies without a look at the target; no browser sends such a request (RFC 9112 3). */
export function replyToUnreadableTarget(ctx: Context): void {
  ctx.status = UNREADABLE.status
  ctx.body = JSON.stringify(UNREADABLE)
  ctx.type = 'application/problem+json'
  ctx.set('cache-control', 'no-store')
}
