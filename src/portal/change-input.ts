import { problem } from '../shared/problem.ts'
import { refuse } from './refused.ts'

/** Whether a change of a tunnel asks for a routed prefix, or gives it back; undefined: it asks for something else. Throws Refused. */
export function routedWishIn(body: Readonly<Record<string, unknown>>): boolean | undefined {
  const { routed_prefix: wish, ...others } = body
  if (wish === undefined) return undefined
  if (typeof wish !== 'boolean') throw refuse(problem('routed-prefix-syntax', {}))
  if (Object.keys(others).length > 0) throw refuse(problem('one-change', {}))
  return wish
}
