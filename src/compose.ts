import { join } from 'node:path'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { chooseProber } from './echo/choose-prober.ts'
import type { Prober } from './echo/prober.ts'
import { SIT } from './kind/sit/sit.ts'
import { Audit } from './lifecycle/audit.ts'
import { Drivers } from './lifecycle/drivers.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { TunnelNames } from './lifecycle/tunnel-names.ts'
import { TunnelZone } from './lifecycle/tunnel-zone.ts'
import { loadLibc } from './listen/libc.ts'
import { Operator } from './operator/operator.ts'
import { OperatingSystems } from './portal/operating-systems.ts'
import { Admission } from './registration/admission.ts'
import { isCountry } from './registration/country.ts'
import { monotonicSeconds, SteadyClock, utcSeconds } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import { SqliteStore } from './store/sqlite/sqlite-store.ts'
import type { TunnelStore } from './store/tunnel-store.ts'
import type { Interfaces } from './tunnel/interface.ts'
import { Kinds } from './tunnel/kind.ts'
import type { Catalog } from './zone/catalog.ts'
import { loadCatalog } from './zone-loading.ts'

/** The kinds of tunnel that are served: a further one is added here. */
const KINDS = new Kinds(SIT)

/** What the broker is composed of, beyond its configuration; what is not given is the product's own. */
export interface Parts {
  readonly log: Log
  readonly kinds?: Kinds
  readonly prober?: Prober
  /** UTC seconds. */
  readonly now?: () => number
  /** Seconds since some moment, which no one sets. */
  readonly monotonic?: () => number
}

/**
 * Opens the database and builds all that follows from it: for the process, for commands and for tests alike. Throws
 * DatabaseFault, ZoneLoadFault, or the driver's fault.
 */
export async function compose(config: Config, parts: Parts): Promise<Broker> {
  const { log, kinds = KINDS, now = utcSeconds, monotonic = monotonicSeconds } = parts
  const clock = new SteadyClock(now, monotonic)
  const catalog = loadCatalog(config, log)
  await useHugePages(catalog)
  const systems = OperatingSystems.load()
  const names = new TunnelNames({ origin: config.origin, prefix: config.tunnel.prefix })
  const zone = new TunnelZone({ catalog, names, kinds, ttl: config.dns.ttl })
  const store = openStore(config, { catalog, names, kinds, systems, clock, log })
  try {
    store.publishAll(tunnel => zone.rrsetsOf(tunnel))
    const prober = parts.prober ?? (await chooseProber(config.monitor.prober, { pool: config.tunnel.prefix }))
    const interfaces = await openDrivers(config, kinds, log)
    return assemble(config, { catalog, zone, store, prober, interfaces, systems, kinds, now, clock, log })
  } catch (error) {
    store.close()
    throw error
  }
}

function openStore(
  config: Config,
  parts: {
    readonly catalog: Catalog
    readonly names: TunnelNames
    readonly kinds: Kinds
    readonly systems: OperatingSystems
    readonly clock: SteadyClock
    readonly log: Log
  },
): TunnelStore {
  const { catalog, names, kinds, systems, clock, log } = parts
  const { prefix, device_prefix: devicePrefix } = config.tunnel
  const osIds = new Set(systems.ids)
  return SqliteStore.open({
    file: databaseFile(config),
    catalog,
    apexes: [names.forwardApex, names.backwardApex],
    rules: { kinds, prefix, devicePrefix, isCountry, isOs: id => osIds.has(id) },
    ttl: config.dns.ttl,
    now: () => clock.now(),
    log,
  })
}

async function openDrivers({ tunnel }: Config, kinds: Kinds, log: Log): Promise<Drivers> {
  const context = {
    driver: tunnel.driver,
    layout: tunnel.layout,
    devicePrefix: tunnel.device_prefix,
    serverIpv4: tunnel.server_ipv4,
    mtu: tunnel.mtu,
    prefix: tunnel.prefix,
    maxTunnels: tunnel.max_tunnels,
    log,
  }
  const drivers = new Map<string, Interfaces>()
  for (const kind of kinds.all) drivers.set(kind.name, await kind.openDriver(context))
  return new Drivers(drivers)
}

function assemble(
  config: Config,
  parts: Pick<Broker, 'catalog' | 'zone' | 'store' | 'prober' | 'interfaces' | 'systems'> & {
    readonly kinds: Kinds
    readonly now: () => number
    readonly clock: SteadyClock
    readonly log: Log
  },
): Broker {
  const { catalog, zone, store, prober, interfaces, clock, log } = parts
  const { tunnel, monitor } = config
  const lifecycle = new Lifecycle({
    store,
    zone,
    drivers: interfaces,
    log,
    maxTunnels: tunnel.max_tunnels,
    threshold: monitor.threshold,
    // Nobody can be heard in a dry run: a tunnel that waited would wait for ever.
    firstAnswer: interfaces.kind === 'dry-run' ? 0 : secondsOf(monitor.first_answer),
    keep: secondsOf(monitor.keep),
    now: parts.now,
    steady: () => clock.now(),
    onRegistered: () => broker.onRegistered(),
  })
  const admission = new Admission({
    policy: {
      serverIpv4: tunnel.server_ipv4,
      foreignEndpoints: tunnel.foreign_endpoints,
      allowSpecialPurpose: tunnel.allow_special_purpose,
      reachability: tunnel.reachability,
      timeoutMs: monitor.timeout,
      osIds: parts.systems.ids,
    },
    kinds: parts.kinds,
    table: store.tunnels,
    zone,
    prober,
    log,
  })
  const broker: Broker = {
    store,
    table: store.tunnels,
    catalog,
    zone,
    interfaces,
    lifecycle,
    prober,
    admission,
    systems: parts.systems,
    operator: new Operator({ table: store.tunnels, lifecycle, admission, origin: config.origin }),
    audit: new Audit({ store, catalog, zone, log }),
    onRegistered: () => undefined,
    close: () => store.close(),
  }
  return broker
}

/** Whole seconds of milliseconds: what is less than one is one. */
function secondsOf(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}

/** Where the table is kept. */
export function databaseFile({ data_dir }: Pick<Config, 'data_dir'>): string {
  return join(data_dir, 'freenet6.db')
}

/** The table lies in large pages where the system has them: a quarter of a look-up's time with a million tunnels. */
async function useHugePages({ buffer }: Catalog): Promise<void> {
  const libc = await loadLibc()
  libc?.adviseHugePages(new Uint8Array(buffer), buffer.maxByteLength)
}
