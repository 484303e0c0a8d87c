import type { Context } from 'koa'
import { unreadProblemOf } from '../lifecycle/refusal.ts'
import type { Log } from '../shared/log.ts'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'
import { describe } from './describe.ts'
import { isUpdatePath, replyWithWord } from './dyndns2.ts'
import { PROBLEM_DOCUMENT, problemDocument } from './problem-document.ts'
import { refusedFor } from './refusal-note.ts'
import { Refused, retryAfter } from './refused.ts'
import { languageOf, wantsPage } from './reply.ts'
import type { Views } from './views.ts'

const UNEXPECTED = problem('internal', {})

/**
 * The one place where a failure becomes a reply: a word for clients of the update protocol, a page for people, a
 * problem document (RFC 9457) for programs. What was not expected is logged, and told in no more than one sentence.
 */
export function replyToFailure(
  ctx: Context,
  error: unknown,
  { views, words, publicUrl, log }: { views: Views; words: Words; publicUrl: string; log: Log },
): void {
  const problems = error instanceof Refused ? error.problems : [unreadProblemOf(error) ?? UNEXPECTED]
  ctx.set(error instanceof Refused ? { ...error.headers } : { ...retryAfter(problems) })
  if (error instanceof Refused) refusedFor(ctx, problems)
  else log.error({ err: error, path: ctx.path }, 'request failed')
  ctx.status = statusOf(problems)
  ctx.set('cache-control', 'no-store')
  const language = languageOf(ctx, words)
  if (isUpdatePath(ctx.path)) replyWithWord(ctx, problems, language)
  else if (wantsPage(ctx)) replyWithPage(ctx, problems, { views, language })
  else replyWithDocument(ctx, problems, { publicUrl, language })
}

function replyWithPage(
  ctx: Context,
  problems: readonly Problem[],
  { views, language }: { readonly views: Views; readonly language: Language },
): void {
  const { code } = problems[0] ?? UNEXPECTED
  views.send(ctx, 'problem', {
    title: language.title(code),
    problems: describe(problems, language),
    canSignIn: code === 'unauthorized',
  })
}

function replyWithDocument(
  ctx: Context,
  problems: readonly Problem[],
  { publicUrl, language }: { readonly publicUrl: string; readonly language: Language },
): void {
  ctx.body = problemDocument(problems, { publicUrl, language })
  ctx.type = PROBLEM_DOCUMENT
  ctx.set('content-language', language.tag)
}
