import type { Problem, ProblemCode } from '../shared/problem.ts'
import type { Language } from '../words/language.ts'

/** A problem in words, as the API gives it. */
export interface Described {
  readonly code: ProblemCode
  readonly field?: string
  readonly detail: string
}

export function describe(problems: readonly Problem[], language: Language): readonly Described[] {
  return problems.map(problem => {
    const { code, field } = problem
    const detail = language.detail(problem)
    return field === undefined ? { code, detail } : { code, field, detail }
  })
}
