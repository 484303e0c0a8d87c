import { type Problem, statusOf } from '../shared/problem.ts'
import type { Language } from '../words/language.ts'
import { describe } from './describe.ts'

/** The media type of a problem document (RFC 9457 6.1). */
export const PROBLEM_DOCUMENT = 'application/problem+json'

/** Problems as JSON (RFC 9457 3): of several the first gives the title, and the status. */
export function problemDocument(
  problems: readonly Problem[],
  { publicUrl, language }: { readonly publicUrl: string; readonly language: Language },
): string {
  const code = problems[0]?.code ?? 'internal'
  const errors = describe(problems, language)
  return JSON.stringify({
    type: `${publicUrl}/errors#${code}`,
    title: language.title(code),
    status: statusOf(problems),
    detail: errors.map(({ detail }) => detail).join(' '),
    code,
    errors,
  })
}
