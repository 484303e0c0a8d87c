import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LinkFaults } from './link-faults.ts'
import type { TunnelZone } from './tunnel-zone.ts'

/** What the arrows of a tunnel's life share; see Lifecycle. */
export interface LifecycleParts {
  readonly store: TunnelStore
  readonly zone: TunnelZone
  readonly drivers: Drivers
  readonly faults: LinkFaults
  readonly turn: KernelTurn
  readonly log: Log
  /** UTC seconds. */
  readonly now: () => number
  /** Seconds of the steady clock. */
  readonly steady: () => number
  /** Until when a tunnel that comes up now may wait for its first sign of life, by the steady clock; undefined: it does not wait. */
  readonly waitUntil: () => number | undefined
}
