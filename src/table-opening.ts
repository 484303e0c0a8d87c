import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { keepGivenZones, missFormerZones } from './kept-zones.ts'
import type { TunnelNames } from './lifecycle/tunnel-names.ts'
import { TunnelZone } from './lifecycle/tunnel-zone.ts'
import { loadLibc } from './listen/libc.ts'
import type { OperatingSystems } from './portal/operating-systems.ts'
import { type SteadyClock, secondsOf } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import { AbsentStore } from './store/absent-store.ts'
import { databaseFile } from './store/database-file.ts'
import { DatabaseFault, isOfTheDisk } from './store/sqlite/database-fault.ts'
import { FileMended } from './store/sqlite/file-mended.ts'
import { SqliteStore } from './store/sqlite/sqlite-store.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import type { TunnelStore } from './store/tunnel-store.ts'
import { tableRules } from './table-rules.ts'
import type { Kinds } from './tunnel/kind.ts'
import type { Catalog } from './zone/catalog.ts'
import { catalogApexOf, routedApexes } from './zone-apexes.ts'
import { StaticZones, ZoneLoadFault } from './zone-loading.ts'

const UNSERVED =
  'a zone that tunnels live in is broken: all of theirs are SERVFAIL. Mend it, then: freenet6 restart'

/** What comes before and beside the table, and what to do where not all of it can be had. */
export interface OpeningParts {
  /** Called when the zone files have been read, before the table is opened. */
  readonly beforeTable?: () => Promise<void>
  /** Opens the table, and again for as long as another process may have it; once unless given. */
  readonly opening?: (open: () => TunnelStore) => TunnelStore | Promise<TunnelStore>
  /** What to do with a table that can't be read: fail, or serve all that needs no tunnel. 'fail' unless given. */
  readonly unreadableTable?: () => 'fail' | 'serve-without'
  /**
   * What to do with a mistake in a zone that tunnels live in, if there are tunnels: fail, or serve all but their names.
   * 'serve-without' unless given. Without a tunnel whoever starts the service is to see it at once.
   */
  readonly brokenZone?: 'fail' | 'serve-without'
}

interface TableParts {
  readonly names: TunnelNames
  readonly kinds: Kinds
  readonly systems: OperatingSystems
  readonly clock: SteadyClock
  readonly log: Log
}

type Table = Pick<Broker, 'statics' | 'catalog' | 'zone' | 'store'>

/** The tunnels and their names. Without the rows nothing true can be said of their zones: these are SERVFAIL then. */
export async function openTable(config: Config, parts: TableParts & OpeningParts): Promise<Table> {
  const { log } = parts
  try {
    return await publishedTable(config, parts)
  } catch (error) {
    const reason = unreadableReason(error, config)
    if (reason === undefined || parts.unreadableTable?.() !== 'serve-without') throw error
    log.error({ code: 'storage-fault' }, reason)
    const statics = new StaticZones(config, { log, tunnels: 'unknown' })
    const { catalog } = statics
    await useHugePages(catalog)
    const mended = new FileMended(databaseFile(config))
    return {
      statics,
      catalog,
      zone: tunnelZone(config, { ...parts, catalog }),
      store: new AbsentStore(reason, signal => mended.isWhole(signal)),
    }
  }
}

async function publishedTable(
  config: Config,
  parts: TableParts & Omit<OpeningParts, 'unreadableTable'>,
): Promise<Table> {
  const { statics, fault } = staticZones(config, parts)
  const { catalog } = statics
  await useHugePages(catalog)
  const zone = tunnelZone(config, { ...parts, catalog })
  await parts.beforeTable?.()
  const open = () => openStore(config, { ...parts, catalog })
  const store = await (parts.opening?.(open) ?? open())
  try {
    if (fault !== undefined && !hasTunnels(store)) throw fault
    if (fault === undefined) missFormerZones(config.zones_dir, { statics, store })
    else parts.log.error({}, UNSERVED)
    store.publishAll(tunnel => zone.rrsetsOf(tunnel))
    if (fault === undefined) keepGivenZones(config.zones_dir, { statics, store, log: parts.log })
    return { statics, catalog, zone, store }
  } catch (error) {
    store.close()
    throw error
  }
}

/** A mistake in a zone that tunnels live in takes their names alone, unless a process is there that has them. */
export function staticZones(
  config: Config,
  { log, brokenZone = 'serve-without' }: Pick<OpeningParts, 'brokenZone'> & { readonly log: Log },
): { readonly statics: StaticZones; readonly fault?: ZoneLoadFault } {
  try {
    return { statics: new StaticZones(config, { log, tunnels: 'known' }) }
  } catch (fault) {
    if (!(fault instanceof ZoneLoadFault) || brokenZone === 'fail') throw fault
    return { statics: new StaticZones(config, { log, tunnels: 'unserved' }), fault }
  }
}

function hasTunnels({ tunnels }: TunnelStore): boolean {
  return tunnels.count() + tunnels.dormant.count() > 0
}

function tunnelZone(
  config: Config,
  { catalog, names, kinds }: TableParts & { readonly catalog: Catalog },
): TunnelZone {
  return new TunnelZone({ catalog, names, kinds, ttl: config.dns.ttl })
}

/** A sentence if the disk or the file is at fault; undefined: the configuration is, or the program. */
function unreadableReason(error: unknown, config: Config): string | undefined {
  const file = databaseFile(config)
  if (error instanceof DatabaseFault)
    return isOfTheDisk(error) ? `${error.message}. ${remedyFor(error, file)}` : undefined
  const fault = storageFaultOf(error)
  if (fault !== 'corrupt' && fault !== 'unwritable') return undefined
  return `${file}: ${error instanceof Error ? error.message : String(error)}. ${remedyOf(file)}`
}

/** Where no database has been made yet there is nothing to mend, and no backup of it: its place is the trouble. */
function remedyFor({ code }: DatabaseFault, file: string): string {
  if (code !== 'database-read-only' || existsSync(file)) return remedyOf(file)
  return `There is no database yet, and the tunnels' zones are answered with SERVFAIL: make ${dirname(file)} writable, with room in it, or choose another data_dir, then restart freenet6. If there was a database, mount its disk first`
}

function remedyOf(file: string): string {
  return `The tunnels' zones are answered with SERVFAIL until ${file} can be read: mend the disk or put a backup in its place (its log first, if that is apart). Then everything starts anew by itself; on another disk than before restart freenet6`
}

function openStore(config: Config, parts: TableParts & { readonly catalog: Catalog }): TunnelStore {
  const { catalog, names, clock, log } = parts
  return SqliteStore.open({
    file: databaseFile(config),
    catalog,
    apexes: [names.forwardApex, names.backwardApex, ...routedApexes(config)],
    listApex: catalogApexOf(config),
    rules: tableRules(config, parts),
    ttl: config.dns.ttl,
    journal: { bytes: config.dns.journal_bytes, age: secondsOf(config.dns.journal_age) },
    now: () => clock.now(),
    log,
  })
}

/** The table lies in large pages where the system has them: a quarter of a look-up's time with a million tunnels. */
async function useHugePages({ buffer }: Catalog): Promise<void> {
  const libc = await loadLibc()
  libc?.adviseHugePages(new Uint8Array(buffer), buffer.maxByteLength)
}
