/**
 * How long a thread may run before another has its turn, as Linux takes it since 6.12; older systems pass it over.
 *
 *     sched_attr   0 size 4 | 4 policy 4 | 8 flags 8 | 16 nice 4 | 20 priority 4 | 24 runtime 8 | 32 deadline 8
 *                  | 40 period 8                                                                        48 octets
 */
import type { Libc } from '../libc.ts'

const SCHED_ATTR_LENGTH = 48
const POLICY = 4
const RUNTIME = 24
const SCHED_OTHER = 0

/**
 * Gives the calling thread a time slice of its own; its share of the core stays as it is. Who asks for short slices is
 * let in sooner when it wakes: a thread that answers does not wait while another one works off a long one. Says
 * whether the system took it; where an operator has chosen another policy, nothing is changed.
 */
export function setSlice(libc: Libc, nanoseconds: bigint): boolean {
  const attributes = new Uint8Array(SCHED_ATTR_LENGTH)
  if (libc.getScheduling(attributes) !== 0) return false
  const view = new DataView(attributes.buffer)
  if (view.getUint32(POLICY, true) !== SCHED_OTHER) return false
  view.setBigUint64(RUNTIME, nanoseconds, true)
  return libc.setScheduling(attributes) === 0
}
