import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { chooseProber } from './echo/choose-prober.ts'
import type { Prober } from './echo/prober.ts'
import { FormerTunnels } from './former-tunnels.ts'
import { hadInterfaces, isNewTable, keepDriver, wasHere } from './kept-driver.ts'
import { keepOrigin } from './kept-origin.ts'
import { keepServerKey, restoreServerKey } from './kept-server-key.ts'
import { publicKeyReader } from './kind/wireguard/server-key.ts'
import { Audit } from './lifecycle/audit.ts'
import type { Drivers } from './lifecycle/drivers.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { TunnelNames } from './lifecycle/tunnel-names.ts'
import { contactWishesOf } from './mail-serving.ts'
import { History } from './observation/history.ts'
import { TrafficCounts } from './observation/traffic-counts.ts'
import { Turnover } from './observation/turnover.ts'
import { KINDS, openDrivers, routedRange } from './offered-kinds.ts'
import { Operator } from './operator/operator.ts'
import { type ClientFacts, TunnelReports } from './operator/tunnel-reports.ts'
import { OperatingSystems } from './portal/operating-systems.ts'
import { Admission } from './registration/admission.ts'
import { Customers } from './registration/customers.ts'
import { type Entry, EntryRules } from './registration/entry-rules.ts'
import { monotonicSeconds, SteadyClock, secondsOf, utcSeconds } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import { type OpeningParts, openTable } from './table-opening.ts'
import type { Kinds } from './tunnel/kind.ts'
import { Words } from './words/words.ts'

/** What the broker is composed of, beyond its configuration; what is not given is the product's own. */
export interface Parts extends OpeningParts {
  readonly log: Log
  readonly kinds?: Kinds
  readonly prober?: Prober
  /** UTC seconds. */
  readonly now?: () => number
  /** Seconds since some moment, which no one sets. */
  readonly monotonic?: () => number
  /** For one command of an operator, who need not have the rights of the service: what its kernel lacks the next start mends. */
  readonly isForCommand?: boolean
}

/**
 * Opens the database and builds all that follows from it: for the process, for commands and for tests alike. Throws
 * DatabaseFault, ZoneLoadFault, or the driver's fault.
 */
export async function compose(config: Config, parts: Parts): Promise<Broker> {
  const { log, kinds = KINDS, now = utcSeconds, monotonic = monotonicSeconds } = parts
  const clock = new SteadyClock(now, monotonic)
  const systems = OperatingSystems.load()
  const names = new TunnelNames({ origin: config.origin, prefix: config.tunnel.prefix })
  const { statics, catalog, zone, store } = await openTable(config, {
    ...parts,
    kinds,
    names,
    systems,
    clock,
  })
  let interfaces: Drivers | undefined
  try {
    const prober = parts.prober ?? (await chooseProber(config.monitor.prober, { pool: config.tunnel.prefix }))
    restoreServerKey(config.data_dir, store, log)
    interfaces = await openDrivers(config, kinds, {
      hadInterfaces: parts.isForCommand !== true && hadInterfaces(store),
      wasHere: wasHere(store, config.data_dir),
      former: new FormerTunnels({
        store,
        isNew: isNewTable(store),
        dataDir: config.data_dir,
        devicePrefix: config.tunnel.device_prefix,
        log,
      }),
      log,
    })
    keepServerKey(config.data_dir, store, log)
    if (parts.isForCommand !== true) keepOrigin(config, { store, log })
    keepDriver(interfaces, { store, dataDir: config.data_dir, log })
    const tables = { statics, catalog, zone, store }
    return assemble(config, { ...tables, prober, interfaces, systems, kinds, now, clock, log })
  } catch (error) {
    interfaces?.close()
    store.close()
    throw error
  }
}

function assemble(
  config: Config,
  parts: Pick<Broker, 'statics' | 'catalog' | 'zone' | 'store' | 'prober' | 'interfaces' | 'systems'> & {
    readonly kinds: Kinds
    readonly now: () => number
    readonly clock: SteadyClock
    readonly log: Log
  },
): Broker {
  const { statics, catalog, zone, store, prober, interfaces, clock, log } = parts
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
    onUnsure: () => broker.onUnsure(),
  })
  const entry = new EntryRules(entryOf(config), { invitations: store.invitations, now: parts.now })
  const publicKey = publicKeyReader(config.data_dir)
  const admission = new Admission({
    policy: {
      serverIpv4: tunnel.server_ipv4,
      foreignEndpoints: tunnel.foreign_endpoints,
      allowSpecialPurpose: tunnel.allow_special_purpose,
      reachability: tunnel.reachability,
      timeoutMs: monitor.timeout,
      customers: customersOf(config),
      get offered() {
        return interfaces.offered
      },
      offersRouted: tunnel.routed_prefix !== undefined,
      get serverPublicKey() {
        return publicKey()
      },
      mtuOf: largestMtuOf(config, parts.kinds),
      osIds: kind => parts.systems.idsOf(kind),
    },
    kinds: parts.kinds,
    table: store.tunnels,
    zone,
    prober,
    entry,
    log,
  })
  const history = new History({ now: () => clock.now() })
  const traffic = new TrafficCounts({ lifecycle, history, log })
  let isOpen = true
  const broker: Broker = {
    get isOpen() {
      return isOpen
    },
    store,
    table: store.tunnels,
    statics,
    catalog,
    zone,
    interfaces,
    lifecycle,
    prober,
    admission,
    entry,
    systems: parts.systems,
    operator: operatorOf(config, { store, lifecycle, admission, traffic, kinds: parts.kinds }),
    audit: new Audit({ store, catalog, zone, log }),
    history,
    traffic,
    turnover: new Turnover({
      isKept: id => store.tunnels.dormant.byId(id) !== undefined,
      now: () => clock.now(),
    }),
    onRegistered: () => undefined,
    onUnsure: () => undefined,
    close: () => {
      isOpen = false
      interfaces.close()
      store.close()
    },
    leave: () => {
      isOpen = false
      interfaces.leave()
      store.close()
    },
  }
  return broker
}

function operatorOf(
  config: Config,
  {
    store,
    lifecycle,
    admission,
    traffic,
    kinds,
  }: Pick<Broker, 'store' | 'lifecycle' | 'admission' | 'traffic'> & { readonly kinds: Kinds },
): Operator {
  const { origin } = config
  const table = store.tunnels
  const reports = new TunnelReports({
    table,
    lifecycle,
    traffic,
    origin,
    facts: clientFactsOf(config, kinds),
  })
  const contacts = contactWishesOf(config, table)
  const language = Words.load().fallback.tag
  return new Operator({ table, lifecycle, admission, contacts, reports, origin, language })
}

/** Who is one customer to limits: each tunnel, and each prefix that is routed to one. */
export function customersOf({ tunnel }: Config): Customers {
  const routed = routedRange(tunnel)
  return new Customers([{ prefix: tunnel.prefix, length: 64 }, ...(routed === undefined ? [] : [routed])])
}

/** What clients are told of this server. */
export function clientFactsOf(config: Config, kinds = KINDS): ClientFacts {
  const { tunnel, data_dir: dataDir } = config
  const { port, endpoint } = tunnel.wireguard
  const publicKey = publicKeyReader(dataDir)
  return {
    serverIpv4: tunnel.server_ipv4,
    largestMtuOf: largestMtuOf(config, kinds),
    wireguard: {
      get serverPublicKey() {
        return publicKey()
      },
      endpoint: `${endpoint || tunnel.server_ipv4}:${port}`,
    },
  }
}

/** A kind that nobody knows has no row and no request that gets so far. */
function largestMtuOf({ tunnel }: Config, kinds: Kinds): (kind: string) => number {
  return name => (kinds.byName(name) ?? kinds.first).largestMtu(tunnel)
}

/** The keys of the configuration that `entryOf` reads. */
export const ENTRY_KEYS_AT_RUN_TIME = ['web.invitations', 'web.blocked_prefixes', 'web.blocked_nicnames']

export function entryOf({ web }: Config): Entry {
  return {
    invitations: web.invitations,
    blockedPrefixes: web.blocked_prefixes,
    blockedNicnames: web.blocked_nicnames,
  }
}
