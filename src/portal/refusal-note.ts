import type { Context } from 'koa'
import { type Problem, type ProblemCode, statusOf } from '../shared/problem.ts'
import type { PortalOptions } from './options.ts'
import { retryAfter } from './refused.ts'
import { visitorOf } from './visitor.ts'

/** What anybody asks for who looks for other programs' mistakes: counted, and no line of the log each. */
const NOISE: ReadonlySet<ProblemCode> = new Set([
  'not-found',
  'method-not-allowed',
  'misdirected',
  'host-missing',
  'host-repeated',
  'expectation-unknown',
  'target-syntax',
])

/** Keeps, until the reply is made, what the request is refused for. */
export function refusedFor(ctx: Context, problems: readonly Problem[]): void {
  ctx.state.refusedFor = problems
}

/** The status and headers of a refusal whose page shows the form again. */
export function refuseByPage(ctx: Context, problems: readonly Problem[]): void {
  refusedFor(ctx, problems)
  ctx.status = statusOf(problems)
  ctx.set({ ...retryAfter(problems) })
}

/** Tells of a refused request, and logs one line for all its problems: who was refused, and why. */
export function noteRefusal(
  ctx: Context,
  { trustedProxies, onRefused, log }: Pick<PortalOptions, 'trustedProxies' | 'onRefused' | 'log'>,
): void {
  const problems: readonly Problem[] = ctx.state.refusedFor ?? []
  if (problems.length === 0) return
  const codes = problems.map(({ code }) => code)
  const { address } = visitorOf(ctx.req, trustedProxies)
  const { path } = ctx
  onRefused?.(codes, { address, path })
  if (codes.every(code => NOISE.has(code))) return
  log.info({ codes: codes.join(' '), address, path }, 'refused')
}
