import { type Problem, problem } from '../shared/problem.ts'
import { storageFaultOf } from '../store/storage-fault.ts'

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
  nicnameTaken: (nicname: string, country: string) => problem('nicname-taken', { nicname, country }),
  poolFull: () => problem('pool-full', {}),
  noTunnel: () => problem('not-found', { case: 'tunnel' }),
  interfaceFault: (reason: string) => problem('interface-fault', { reason }),
} as const

/**
 * The problem that a failed transaction is: the disk is full, or the database can't be written. Any other error is
 * a fault of the program and thrown on.
 */
export function storageProblem(error: unknown): Problem {
  const fault = storageFaultOf(error)
  if (fault === 'full') return problem('storage-full', {})
  if (fault === 'unwritable') return problem('storage-fault', {})
  if (fault === 'table-full') return problem('table-full', {})
  throw error
}
