import type { Context } from 'koa'

/** Whether the request's target has a path. Node lets some through that Koa can't take apart, and would throw for. */
export function isTargetReadable(ctx: Context): boolean {
  try {
    return typeof ctx.path === 'string'
  } catch {
    return false
  }
}
