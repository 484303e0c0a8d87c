import type { Problem } from '../shared/problem.ts'
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
  endpointInUse: (ipv4: string): Problem => ({
    code: 'ipv4-in-use',
    field: 'ipv4',
    detail: `${ipv4} already has a tunnel. If it is yours, open it with its id or name and its key; an address can have one tunnel only.`,
  }),
  nicnameTaken: (nicname: string, country: string): Problem => ({
    code: 'nicname-taken',
    field: 'nicname',
    detail: `${nicname}.${country} belongs to another tunnel. Choose another nicname.`,
  }),
  poolFull: (): Problem => ({
    code: 'pool-full',
    detail: 'All tunnels are given out. Try again later: tunnels whose end does not answer are taken back.',
  }),
  noTunnel: (): Problem => ({
    code: 'not-found',
    detail: 'There is no tunnel with this id. It may have been taken down.',
  }),
  interfaceFault: (reason: string): Problem => ({
    code: 'interface-fault',
    detail: `The server could not change the tunnel’s interface (${reason}). Nothing was changed; try again in a minute.`,
  }),
} as const

/**
 * The problem that a failed transaction is: the disk is full, or the database can't be written. Any other error is
 * a fault of the program and thrown on.
 */
export function storageProblem(error: unknown): Problem {
  const fault = storageFaultOf(error)
  if (fault === 'full') {
    return {
      code: 'storage-full',
      detail: 'The server’s disk is full. Nothing was changed; try again later.',
    }
  }
  if (fault === 'table-full') {
    return { code: 'table-full', detail: 'The table of names is full. Nothing was changed; try again later.' }
  }
  if (fault === 'unwritable') {
    return {
      code: 'storage-fault',
      detail: 'The server can not write its database. Nothing was changed; try again later.',
    }
  }
  throw error
}
