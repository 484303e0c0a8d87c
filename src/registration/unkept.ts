import { type Problem, type ProblemCode, problem } from '../shared/problem.ts'

/** Their sentences say that nothing was changed. */
const NOTHING_CHANGED: ReadonlySet<ProblemCode> = new Set([
  'storage-busy',
  'storage-full',
  'storage-fault',
  'table-full',
  'interface-fault',
])

/** What could not be done beside it, for somebody whose tunnel was registered or moved by the same request. */
export function unkept(problems: readonly Problem[]): readonly Problem[] {
  return problems.map(one => (NOTHING_CHANGED.has(one.code) ? problem('partly-done', {}) : one))
}
