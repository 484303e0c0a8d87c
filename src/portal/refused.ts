import { type Problem, sortOf } from '../shared/problem.ts'

/** A request that can't be done, thrown by a handler and turned into a reply in one place. */
export class Refused extends Error {
  readonly problems: readonly Problem[]
  readonly headers: Readonly<Record<string, string>>

  constructor(problems: readonly Problem[], headers: Readonly<Record<string, string>> = {}) {
    super(problems.map(problem => problem.code).join(', '))
    this.problems = problems
    this.headers = { ...retryAfter(problems), ...headers }
  }
}

export function refuse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Refused {
  return new Refused([problem], headers)
}

/** When to come back, if one of the problems passes by itself (RFC 9110 10.2.3). */
export function retryAfter(problems: readonly Problem[]): Readonly<Record<string, string>> {
  const waits = problems.map(({ code, params }) => Number(params.seconds ?? sortOf(code).retryAfter ?? 0))
  const longest = Math.max(0, ...waits)
  return longest > 0 ? { 'retry-after': String(longest) } : {}
}
