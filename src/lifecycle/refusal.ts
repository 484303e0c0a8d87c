import { type Problem, problem } from '../shared/problem.ts'
import { storageFaultOf } from '../store/storage-fault.ts'
import type { BrokenRow } from '../tunnel/tunnel.ts'

/** Nothing was changed, and why. */
export interface Refusal {
  readonly kind: 'refused'
  readonly problems: readonly Problem[]
}

export function refused(...problems: readonly Problem[]): Refusal {
  return { kind: 'refused', problems }
}

export const REFUSAL = {
  endpointInUse: (ipv4: string) => problem('ipv4-in-use', { ipv4 }),
  publicKeyInUse: () => problem('public-key-in-use', {}),
  nicnameTaken: (nicname: string, country: string) => problem('nicname-taken', { nicname, country }),
  poolFull: () => problem('pool-full', {}),
  routedPrefixesFull: () => problem('routed-prefixes-full', {}),
  suspended: () => problem('suspended', { case: 'tunnel' }),
  noTunnel: () => problem('not-found', { case: 'tunnel' }),
  noZone: () => problem('not-found', { case: 'zone' }),
  broken: ({ reason, unofferedKind: kind }: Pick<BrokenRow, 'reason' | 'unofferedKind'>) =>
    kind === undefined
      ? problem('tunnel-broken', { reason, seconds: SECONDS.broken })
      : problem('tunnel-unoffered', { kind, seconds: SECONDS.unoffered }),
  interfaceFault: (reason: string) => problem('interface-fault', { reason }),
} as const

/** When to come back, in seconds: another program's lock is short, a disk is mended by somebody, a configuration seldom. */
const SECONDS = { busy: 5, fault: 60, broken: 300, unoffered: 3600 } as const

/**
 * The problem that a failed transaction is: the disk is full, or the database can't be written. Any other error is
 * a fault of the program and thrown on.
 */
export function storageProblem(error: unknown): Problem {
  const found = storageProblemOf(error)
  if (found === undefined) throw error
  return found
}

/** Undefined: it is none of the storage’s. */
function storageProblemOf(error: unknown): Problem | undefined {
  switch (storageFaultOf(error)) {
    case 'full':
      return problem('storage-full', {})
    case 'busy':
      return problem('storage-busy', { seconds: SECONDS.busy })
    case 'corrupt':
    case 'unwritable':
    case 'stopped':
      return problem('storage-fault', { seconds: SECONDS.fault })
    case 'table-full':
      return problem('table-full', {})
    default:
      return undefined
  }
}

/**
 * The problem of whoever only meets the error. Where a disk fails nobody can know what was committed before it did: to say
 * that nothing was changed would be a guess. Undefined: it is none of the storage's.
 */
export function unreadProblemOf(error: unknown): Problem | undefined {
  const fault = storageFaultOf(error)
  const isOfTheDisk = fault === 'corrupt' || fault === 'unwritable'
  return isOfTheDisk ? problem('storage-unread', { seconds: SECONDS.fault }) : storageProblemOf(error)
}
