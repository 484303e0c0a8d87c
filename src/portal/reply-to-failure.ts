import type { Context } from 'koa'
import { Refused } from '../registration/refusal-error.ts'
import type { Log } from '../shared/log.ts'
import { PROBLEMS, type Problem, type ProblemCode, statusOf } from '../shared/problem.ts'
import { replyWithWord, UPDATE_PATH } from './dyndns2.ts'
import { wantsPage } from './reply.ts'
import type { Views } from './views.ts'

const UNEXPECTED: Problem = {
  code: 'internal',
  detail: 'This is our fault, and the operator can see it in the log. Try again in a minute.',
}

/**
 * The one place where a failure becomes a reply: a word for clients of the update protocol, a page for people, a
 * problem document (RFC 9457) for programs. What was not expected is logged, and told in no more than one sentence.
 */
export function replyToFailure(
  ctx: Context,
  error: unknown,
  { views, publicUrl, log }: { views: Views; publicUrl: string; log: Log },
): void {
  const problems = error instanceof Refused ? error.problems : [UNEXPECTED]
  if (error instanceof Refused) ctx.set({ ...error.headers })
  else log.error({ err: error, path: ctx.path }, 'request failed')
  ctx.status = statusOf(problems)
  ctx.set('cache-control', 'no-store')
  if (ctx.path === UPDATE_PATH) replyWithWord(ctx, problems)
  else if (wantsPage(ctx)) replyWithPage(ctx, problems, views)
  else replyWithDocument(ctx, problems, publicUrl)
}

function replyWithPage(ctx: Context, problems: readonly Problem[], views: Views): void {
  const code = codeOf(problems)
  views.send(ctx, 'problem', { title: PROBLEMS[code].title, problems, canSignIn: code === 'unauthorized' })
}

function replyWithDocument(ctx: Context, problems: readonly Problem[], publicUrl: string): void {
  const code = codeOf(problems)
  const { status, title } = PROBLEMS[code]
  const errors = problems.map(problem => ({
    code: problem.code,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    detail: problem.detail,
  }))
  const detail = problems.map(problem => problem.detail).join(' ')
  ctx.body = JSON.stringify({ type: `${publicUrl}/errors#${code}`, title, status, detail, code, errors })
  ctx.type = 'application/problem+json'
}

function codeOf(problems: readonly Problem[]): ProblemCode {
  return (problems[0] ?? UNEXPECTED).code
}
