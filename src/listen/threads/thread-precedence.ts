/**
 * How a thread shares a core with others: how soon it is let in, and how much of the core it gets.
 *
 *     sched_attr   0 size 4 | 4 policy 4 | 8 flags 8 | 16 nice 4 | 20 priority 4 | 24 runtime 8 | 32 deadline 8
 *                  | 40 period 8                                                                        48 octets
 */
import type { Libc } from '../libc.ts'

const SCHED_ATTR_LENGTH = 48
const POLICY = 4
const NICE = 16
const RUNTIME = 24
const SCHED_OTHER = 0
const LOWEST_NICE = -20

/** What a thread asks for. */
export interface Precedence {
  /** How long it may run before another has its turn, in nanoseconds, as Linux takes it since 6.12; older systems pass it over. */
  readonly slice: bigint
  /** Levels of nice that it is before the rest of the process: five are three times the share (sched(7)). */
  readonly levels: number
}

/**
 * Puts the calling thread before others on a core that is too small for all. Who asks for short slices is let in sooner
 * when it wakes: a thread that answers does not wait while another one works off a long one. Without the right to a
 * larger share (CAP_SYS_NICE, or RLIMIT_NICE: LimitNICE= of systemd) its share stays as it is. Says what the system
 * took; where an operator has chosen another policy, nothing is changed.
 */
export function takePrecedence(
  libc: Libc,
  { slice, levels }: Precedence,
): 'slice and share' | 'slice' | 'nothing' {
  const attributes = new Uint8Array(SCHED_ATTR_LENGTH)
  if (libc.getScheduling(attributes) !== 0) return 'nothing'
  const view = new DataView(attributes.buffer)
  if (view.getUint32(POLICY, true) !== SCHED_OTHER) return 'nothing'
  view.setBigUint64(RUNTIME, slice, true)
  const nice = view.getInt32(NICE, true)
  view.setInt32(NICE, Math.max(nice - levels, LOWEST_NICE), true)
  if (libc.setScheduling(attributes) === 0) return 'slice and share'
  view.setInt32(NICE, nice, true)
  return libc.setScheduling(attributes) === 0 ? 'slice' : 'nothing'
}
