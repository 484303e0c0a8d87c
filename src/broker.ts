import type { Prober } from './echo/prober.ts'
import type { Audit } from './lifecycle/audit.ts'
import type { Drivers } from './lifecycle/drivers.ts'
import type { Lifecycle } from './lifecycle/lifecycle.ts'
import type { TunnelZone } from './lifecycle/tunnel-zone.ts'
import type { History } from './observation/history.ts'
import type { TrafficCounts } from './observation/traffic-counts.ts'
import type { Turnover } from './observation/turnover.ts'
import type { Operator } from './operator/operator.ts'
import type { OperatingSystems } from './portal/operating-systems.ts'
import type { Admission } from './registration/admission.ts'
import type { EntryRules } from './registration/entry-rules.ts'
import type { TunnelReader } from './store/tunnel-reader.ts'
import type { TunnelStore } from './store/tunnel-store.ts'
import type { Catalog } from './zone/catalog.ts'
import type { StaticZones } from './zone-loading.ts'

/** Everything but the sockets: store, names, life cycle, admission. A command works on it as the process does. */
export interface Broker {
  readonly store: TunnelStore
  /** The store's look-ups. */
  readonly table: TunnelReader
  readonly statics: StaticZones
  /** That of `statics`, with the tunnels' names. */
  readonly catalog: Catalog
  readonly zone: TunnelZone
  readonly interfaces: Drivers
  readonly lifecycle: Lifecycle
  readonly prober: Prober
  readonly admission: Admission
  readonly entry: EntryRules
  readonly systems: OperatingSystems
  readonly operator: Operator
  readonly audit: Audit
  /** How tunnels have fared, as far as the monitor tells it. */
  readonly history: History
  readonly traffic: TrafficCounts
  /** What came and went by day, as far as the portal counts it. */
  readonly turnover: Turnover
  /** Called after each registration; the monitor puts itself here. */
  onRegistered: () => void
  /** Called whenever nobody knows what the kernel has of a tunnel; the monitor puts itself here. */
  onUnsure: () => void
  /** False once it is closed or left: what it has in memory still answers. */
  readonly isOpen: boolean
  close(): void
  /** As `close`, for a process that takes over: see Interfaces.leave. */
  leave(): void
}
