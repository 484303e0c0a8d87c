import type { Problem, ProblemCode } from '../shared/problem.ts'

/** A request that can't be done, thrown by a handler and turned into a reply in one place. */
export class Refused extends Error {
  readonly problems: readonly Problem[]
  readonly headers: Readonly<Record<string, string>>

  constructor(problems: readonly Problem[], headers: Readonly<Record<string, string>> = {}) {
    super(problems.map(problem => problem.code).join(', '))
    this.problems = problems
    this.headers = headers
  }
}

export function refuse(
  code: ProblemCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Refused {
  return new Refused([{ code, detail }], headers)
}
