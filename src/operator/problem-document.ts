import { z } from 'zod'
import { type Problem, type ProblemCode, sortOf, statusOf } from '../shared/problem.ts'
import { Words } from '../words/words.ts'

/** What could not be done, for programs: a problem document (RFC 9457) with the fields that the API's have. */
export const problemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ code: z.string(), field: z.string().optional(), detail: z.string() })),
})

/** As the English words have it. */
const FAULT_TITLE = 'Something broke on our side'

export type ProblemDocument = z.output<typeof problemDocument>

/** Puts several problems into one document; code, title and status are those of the first. */
export function documentOf(problems: readonly Problem[]): ProblemDocument {
  const language = Words.load().fallback
  const errors = problems.map(problem => ({
    code: problem.code,
    detail: language.detail(problem),
    ...(problem.field && { field: problem.field }),
  }))
  const code = problems[0]?.code ?? 'internal'
  return { ...headOf(code), status: statusOf(problems), detail: detailOf(errors), code, errors }
}

/** Makes a document of mistakes that have no other code than their kind: one error a line. */
export function documentOfLines(
  code: 'command-usage' | 'configuration' | 'internal',
  lines: readonly string[],
): ProblemDocument {
  const errors = lines.map(detail => ({ code, detail }))
  return { ...headOf(code), status: sortOf(code).status, detail: detailOf(errors), code, errors }
}

/** Makes a document of a fault of ours, be it of the words themselves: it takes none of them. */
export function documentOfFault(error: unknown): ProblemDocument {
  const code = 'internal'
  const detail = error instanceof Error ? error.message : String(error)
  const head = { type: `/errors#${code}`, title: FAULT_TITLE, status: sortOf(code).status }
  return { ...head, detail, code, errors: [{ code, detail }] }
}

function headOf(code: ProblemCode): { readonly type: string; readonly title: string } {
  return { type: `/errors#${code}`, title: Words.load().fallback.title(code) }
}

function detailOf(errors: readonly { readonly detail: string }[]): string {
  return errors.map(({ detail }) => detail).join(' ')
}

/** Writes one line a problem, as the commands print it for a person. */
export function problemLines({ errors }: ProblemDocument): string[] {
  return errors.map(
    ({ code, field, detail }) => `${code}${field === undefined ? '' : ` (${field})`}: ${detail}`,
  )
}
