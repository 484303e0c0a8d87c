import { type Problem, problem } from '../shared/problem.ts'

/**
 * Why a contact was not kept, for somebody whose tunnel was registered or changed by the same request: the storage's own
 * sentences say that nothing was changed.
 */
export function unkept(problems: readonly Problem[]): readonly Problem[] {
  return problems.map(one => (one.code.startsWith('storage-') ? problem('contact-unkept', {}) : one))
}
