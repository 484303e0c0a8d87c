import { z } from 'zod'
import { PROBLEMS, type Problem, type ProblemCode, statusOf } from '../shared/problem.ts'

/** What could not be done, for programs: a problem document (RFC 9457) with the fields that the API's have. */
export const problemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ code: z.string(), field: z.string().optional(), detail: z.string() })),
})

export type ProblemDocument = z.output<typeof problemDocument>

/** Puts several problems into one document; code, title and status are those of the first. */
export function documentOf(problems: readonly Problem[]): ProblemDocument {
  const code: ProblemCode = problems[0]?.code ?? 'internal'
  return {
    type: `/errors#${code}`,
    title: PROBLEMS[code].title,
    status: statusOf(problems),
    detail: problems.map(({ detail }) => detail).join(' '),
    code,
    errors: problems.map(({ code, field, detail }) => ({ code, detail, ...(field && { field }) })),
  }
}

/** Makes a document of mistakes that have no other code than their kind: one error a line. */
export function documentOfLines(
  code: 'command-usage' | 'configuration' | 'internal',
  lines: readonly string[],
): ProblemDocument {
  return documentOf(lines.map(detail => ({ code, detail })))
}

/** Writes one line a problem, as the commands print it for a person. */
export function problemLines({ errors }: ProblemDocument): string[] {
  return errors.map(
    ({ code, field, detail }) => `${code}${field === undefined ? '' : ` (${field})`}: ${detail}`,
  )
}
