import type { Problem } from '../shared/problem.ts'

/**
 * All that is wrong with a request: what could not be read of it, and what its checks have found. A field that could not
 * be read was checked as if it were another: what that found says nothing.
 */
export function together(misread: readonly Problem[] = [], found: readonly Problem[]): readonly Problem[] {
  const fields = new Set(misread.map(({ field }) => field))
  return [...misread, ...found.filter(({ field }) => field === undefined || !fields.has(field))]
}
