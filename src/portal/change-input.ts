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

/** The MTU that a change asks for, null for that of the kind; undefined: it asks for something else. Throws Refused. */
export function mtuWishIn(body: Readonly<Record<string, unknown>>): unknown {
  const { mtu, ...others } = body
  if (mtu !== undefined && Object.keys(others).length > 0) throw refuse(problem('one-change', {}))
  return mtu
}
