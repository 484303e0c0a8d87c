import type { Context } from 'koa'
import type { Log } from '../log.ts'
import { PROBLEMS, type Problem, statusOf } from '../problem.ts'
import { Refused } from './refusal-error.ts'
import type { Views } from './views.ts'

const UNEXPECTED: Problem = {
  code: 'internal',
  detail: 'This is our fault, and the operator can see it in the log. Try again in a minute.',
}

/** The one place where a failure becomes a reply: a problem document (RFC 9457) for programs, a page for people. */
export function replyToFailure(
  ctx: Context,
  error: unknown,
  { views, publicUrl, log }: { views: Views; publicUrl: string; log: Log },
): void {
  const problems = error instanceof Refused ? error.problems : [UNEXPECTED]
  if (!(error instanceof Refused)) log.error({ err: error, path: ctx.path }, 'request failed')
  ctx.status = statusOf(problems)
  if (error instanceof Refused) ctx.set({ ...error.headers })
  ctx.set('cache-control', 'no-store')
  if (wantsPage(ctx)) {
    ctx.type = 'html'
    ctx.body = views.render(ctx, 'problem', {
      title: PROBLEMS[(problems[0] ?? UNEXPECTED).code].title,
      problems,
    })
    return
  }
  ctx.body = JSON.stringify(problemDocument(problems, publicUrl))
  ctx.type = 'application/problem+json'
}

function problemDocument(problems: readonly Problem[], publicUrl: string): object {
  const first = problems[0] ?? UNEXPECTED
  const { status, title } = PROBLEMS[first.code]
  return {
    type: `${publicUrl}/errors#${first.code}`,
    title,
    status,
    detail: problems.map(problem => problem.detail).join(' '),
    code: first.code,
    errors: problems.map(({ code, field, detail }) => ({
      code,
      ...(field === undefined ? {} : { field }),
      detail,
    })),
  }
}

function wantsPage(ctx: Context): boolean {
  return !ctx.path.startsWith('/api/') && ctx.accepts('html', 'json') === 'html'
}
