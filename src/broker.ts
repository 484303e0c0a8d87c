import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { chooseProber } from './echo/choose-prober.ts'
import type { Prober } from './echo/prober.ts'
import { chooseInterfaces } from './kind/sit/choose-interfaces.ts'
import { Audit } from './lifecycle/audit.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { TunnelZone } from './lifecycle/tunnel-zone.ts'
import { loadLibc } from './listen/libc.ts'
import { Operator } from './operator/operator.ts'
import { OperatingSystems } from './portal/operating-systems.ts'
import { Admission } from './registration/admission.ts'
import { utcSeconds } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import { Database } from './store/sqlite/database.ts'
import { RestingIndexes } from './store/sqlite/resting-indexes.ts'
import { TunnelTable } from './store/sqlite/tunnel-table.ts'
import { ZoneSerials } from './store/sqlite/zone-serials.ts'
import { AddressPool } from './tunnel/address-pool.ts'
import type { Interfaces } from './tunnel/interface.ts'
import type { Catalog } from './zone/catalog.ts'
import { loadCatalog } from './zone-loading.ts'

/** Everything but the sockets: database, names, life cycle, admission. A command works on it as the process does. */
export interface Broker {
  readonly database: Database
  readonly catalog: Catalog
  readonly table: TunnelTable
  readonly zone: TunnelZone
  readonly pool: AddressPool
  readonly interfaces: Interfaces
  readonly lifecycle: Lifecycle
  readonly prober: Prober
  readonly admission: Admission
  readonly systems: OperatingSystems
  readonly operator: Operator
  readonly audit: Audit
  /** Called after each registration; the monitor puts itself here. */
  onRegistered: () => void
  close(): void
}

/** Opens the database and builds all that follows from it. Throws DatabaseFault, ZoneLoadFault, or the driver's fault. */
export async function openBroker(config: Config, log: Log): Promise<Broker> {
  const database = Database.open(databaseFile(config))
  try {
    return await compose(config, log, database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** Where the table is kept. */
export function databaseFile({ data_dir }: Pick<Config, 'data_dir'>): string {
  return join(data_dir, 'freenet6.db')
}

async function compose(config: Config, log: Log, database: Database): Promise<Broker> {
  const { tunnel, dns, monitor } = config
  const catalog = loadCatalog(config, log)
  await useHugePages(catalog)
  const table = new TunnelTable(database)
  const zone = new TunnelZone({
    catalog,
    serials: new ZoneSerials(database),
    origin: config.origin,
    prefix: tunnel.prefix,
    ttl: dns.ttl,
  })
  const resting = new RestingIndexes(database, dns.ttl)
  const pool = new AddressPool({ prefix: tunnel.prefix, devicePrefix: tunnel.device_prefix })
  publishTable({ database, table, zone, pool, resting })
  const interfaces = await chooseInterfaces(tunnel, log)
  const prober = await chooseProber(monitor.prober)
  const lifecycle = new Lifecycle({
    database,
    table,
    zone,
    pool,
    resting,
    interfaces,
    log,
    maxTunnels: tunnel.max_tunnels,
    threshold: monitor.threshold,
    now: utcSeconds,
    onRegistered: () => broker.onRegistered(),
  })
  const systems = OperatingSystems.load()
  const admission = new Admission({
    policy: {
      serverIpv4: tunnel.server_ipv4,
      foreignEndpoints: tunnel.foreign_endpoints,
      allowSpecialPurpose: tunnel.allow_special_purpose,
      reachability: tunnel.reachability,
      timeoutMs: monitor.timeout,
      osIds: systems.ids,
    },
    table,
    zone,
    prober,
    log,
  })
  const broker: Broker = {
    database,
    catalog,
    table,
    zone,
    pool,
    interfaces,
    lifecycle,
    prober,
    admission,
    systems,
    operator: new Operator({ table, lifecycle, admission, origin: config.origin }),
    audit: new Audit({ table, zone, log, heal: changes => lifecycle.heal(changes) }),
    onRegistered: () => undefined,
    close: () => database.close(),
  }
  return broker
}

/** Memory is rebuilt from the table: addresses in use and at rest, names, and a serial later than any before. */
function publishTable(parts: {
  readonly database: Database
  readonly table: TunnelTable
  readonly zone: TunnelZone
  readonly pool: AddressPool
  readonly resting: RestingIndexes
}): void {
  const { database, table, zone, pool, resting } = parts
  zone.publishAll(table.publishedColumns(), address => pool.occupy(pool.indexAt(address) ?? pool.capacity))
  for (const index of resting.load(utcSeconds())) pool.rest(index)
  zone.publish(database.transaction(() => zone.advanceSerials()))
}

/** The table lies in large pages where the system has them: a quarter of a look-up's time with a million tunnels. */
async function useHugePages({ buffer }: Catalog): Promise<void> {
  const libc = await loadLibc()
  libc?.adviseHugePages(new Uint8Array(buffer), buffer.maxByteLength)
}
