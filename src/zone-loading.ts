import { existsSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Config } from './config/config.ts'
import { countryNodes } from './lifecycle/country-nodes.ts'
import { wireName } from './lifecycle/tunnel-names.ts'
import { apexLike, plainApex } from './plain-apex.ts'
import { COUNTRIES } from './registration/country.ts'
import { atOnce, type Pausing, withTurns } from './shared/in-turns.ts'
import type { Log } from './shared/log.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import { troubleCodeOf } from './store/storage-troubles.ts'
import { TYPE } from './wire/codes.ts'
import { formatName, lowerCaseName } from './wire/name.ts'
import { isAtOrBelow } from './wire/wire-name.ts'
import { Catalog } from './zone/catalog.ts'
import { catalogZone } from './zone/catalog-zone.ts'
import type { Rrset } from './zone/rrset.ts'
import { allApexes, catalogApexOf, keyOf, tunnelApexes } from './zone-apexes.ts'
import { type ChangedStore, reasonOf, ZoneChanges } from './zone-changes.ts'
import { type LoadedZone, zonesOfDirectory } from './zone-file/zone-file.ts'
import { type FormerZones, type ReloadReport, whatIsMissed, ZoneFileBook } from './zone-file-book.ts'

/** A zone that tunnels live in has mistakes. One line a mistake: file, line, column. */
export class ZoneLoadFault extends Error {}

/**
 * Whether the tunnels' rows are known, and their zones served: without the rows these are SERVFAIL, and so they are where
 * one of their own files is broken ('unserved').
 */
type Tunnels = 'known' | 'unknown' | 'unserved'

const TAKEN_BY_RESTART =
  "the tunnels' zones were broken at the start, and are served from the next one: freenet6 restart"

/**
 * The static zones: every file of zones_dir, and an apex for the tunnels' own zones if no file gives one. A file
 * with mistakes makes its zone answer SERVFAIL and leaves the others alone; one of the tunnels' own zones takes the
 * others that tunnels live in with it, for their names come and go together.
 */
export class StaticZones {
  readonly catalog = new Catalog()
  readonly #config: Config
  readonly #log: Log
  readonly #tunnels: Tunnels
  readonly #changes = new ZoneChanges(this.catalog)
  readonly #book = new ZoneFileBook()
  /** Apex of the catalog zone, if there is one. */
  #listApex: Uint8Array | undefined
  /** Zones, by their file, that are as they were because the store could not write. */
  readonly #keptBack = new Map<string, LoadedZone>()
  #isFollowingBehind = false

  /** See Tunnels. Throws ZoneLoadFault. */
  constructor(config: Config, { log, tunnels }: { readonly log: Log; readonly tunnels: Tunnels }) {
    this.#config = config
    this.#log = log
    this.#tunnels = tunnels
    if (tunnels !== 'known') for (const { apex } of allApexes(config)) this.catalog.putFailedZone(apex)
    const failed: LoadedZone[] = []
    for (const reading of this.#files()) {
      const zone = atOnce(reading)
      if (!this.#isLoaded(zone)) failed.push(zone)
    }
    for (const zone of failed) this.#fail(zone) // a zone that another file gives misses nothing
    if (tunnels === 'known') this.#makeUp()
    this.#list()
  }

  /** Puts the catalog zone beside the others. */
  #list(): void {
    const apex = catalogApexOf(this.#config)
    if (apex === undefined) return
    if (this.catalog.claimedApexes().some(other => keyOf(other) === keyOf(apex)))
      throw new ZoneLoadFault(takenByList(apex))
    this.catalog.putZone(apex, this.#listed(apex))
    this.#listApex = apex
  }

  /** All zones but the list itself; one that failed to load too: it is no zone that secondaries should forget. */
  #listed(apex: Uint8Array): readonly Rrset[] {
    return catalogZone(
      apex,
      this.catalog.claimedApexes().filter(other => keyOf(other) !== keyOf(apex)),
    )
  }

  /** The names of the zones that files give, in order. */
  get given(): readonly string[] {
    return Array.from(this.#book.apexes, formatName).sort()
  }

  /** A sentence where zones are served whose folder is empty by now: a process that began there would not have them. */
  get lostFiles(): string | undefined {
    const zones = this.given
    if (zones.length === 0 || this.#files()[Symbol.iterator]().next().done !== true) return undefined
    return `${this.#config.zones_dir} has no zone file any more, and gave ${zones.join(', ')}: is its disk mounted?`
  }

  /**
   * Lets zones that files gave before, and none gives now, be SERVFAIL and listed until their files are back: they are not
   * known to be gone. One that tunnels live in stays as it was made up.
   */
  missFormer({ dir, zones }: FormerZones): void {
    const what = whatIsMissed(this.#config.zones_dir, dir)
    for (const name of zones) {
      const apex = wireName(name)
      const isMadeUp = isServed(this.catalog, apex)
      this.catalog.putFailedZone(apex)
      const meanwhile = isMadeUp ? 'it has a plain SOA, NS and glue' : 'it is SERVFAIL'
      const line = `${this.#config.zones_dir}: ${what} gave ${name} before: is its disk mounted? Until its file is found, ${meanwhile}`
      this.#log.error({ zone: name }, line)
      this.#book.miss(apex, line)
    }
    if (this.#listApex !== undefined) this.catalog.putZone(this.#listApex, this.#listed(this.#listApex))
  }

  /** One line for each file whose zone is not served as the file has it. */
  get failures(): readonly string[] {
    return this.#book.failures
  }

  /**
   * Reads all files again, with turns of the event loop between. A zone whose file is broken or gone stays as it is; in
   * the tunnels' zones the static rrsets that differ are changed, in one commit of the store.
   */
  async reload(store: ChangedStore): Promise<ReloadReport> {
    const report: ReloadReport = { taken: [], kept: [] }
    const files = new Set<string>()
    this.#keptBack.clear()
    for (const reading of this.#files()) {
      const zone = await withTurns(reading)
      if (zone.file === this.#config.zones_dir) return { taken: [], kept: linesOf(zone) } // it can't be read
      await nextTurn()
      files.add(zone.file)
      await this.#reloadOrKeep(zone, { store, report })
    }
    await this.#follow({ store, report })
    this.#book.tellAbsent(files, report)
    return report
  }

  /** Whether the last reload has left something as it was that the store could not write down. */
  get isKeptBack(): boolean {
    return this.#keptBack.size > 0 || this.#isFollowingBehind
  }

  /** Tries that again, with the files as they were read then: what is being edited since is for the next reload. */
  async retry(store: ChangedStore): Promise<ReloadReport> {
    const report: ReloadReport = { taken: [], kept: [] }
    const zones = [...this.#keptBack.values()]
    this.#keptBack.clear()
    for (const zone of zones) await this.#reloadOrKeep(zone, { store, report })
    await this.#follow({ store, report })
    return report
  }

  #files(): Iterable<Pausing<LoadedZone>> {
    const { zones_dir, zones } = this.#config
    const options = { onError: zones.on_error, served: this.#book.files }
    return existsSync(zones_dir) ? zonesOfDirectory(zones_dir, options) : []
  }

  /** False if the file has mistakes. */
  #isLoaded(zone: LoadedZone): boolean {
    const { apex } = zone
    if (apex === undefined || !isSound(zone)) return false
    if (this.#tunnels !== 'known' && this.#hasTunnels(apex)) {
      this.catalog.putFailedZone(apex) // a country's own zone too
      return true
    }
    this.#tell(zone, apex)
    this.#book.take(zone.file, apex)
    if (this.#hasTunnels(apex)) this.#putOfTunnels(apex, zone.rrsets)
    else this.catalog.putZone(apex, zone.rrsets)
    return true
  }

  #fail(zone: LoadedZone): void {
    const lines = linesOf(zone)
    const apex = zone.apex ?? zone.expectedApex
    if (apex === undefined || (this.#tunnels === 'known' && this.#isMissedByTunnels(apex)))
      throw new ZoneLoadFault(lines.join('\n'))
    for (const line of lines) this.#log.error({ zone: formatName(apex) }, line)
    this.#book.fail(zone.file, firstLine(zone))
    this.catalog.putFailedZone(apex)
  }

  /** What no file gives of the tunnels' zones. */
  #makeUp(): void {
    const config = this.#config
    const origin = wireName(config.origin)
    if (!isServed(this.catalog, origin)) {
      this.#log.warn(
        { zone: config.origin, zones_dir: config.zones_dir },
        'no zone file gives the apex: a plain SOA, NS and glue are made',
      )
      this.#putOfTunnels(origin, plainApex(config))
    }
    for (const { apex } of tunnelApexes(config).reverse)
      if (!isServed(this.catalog, apex)) this.#putOfTunnels(apex, apexLike(this.catalog, origin, apex))
  }

  #putOfTunnels(apex: Uint8Array, given: readonly Rrset[]): void {
    this.#changes.putOfTunnels(apex, this.#completed(apex, given))
  }

  /** The zone that tunnels have their names in has a name for every country. */
  #completed(apex: Uint8Array, rrsets: readonly Rrset[]): readonly Rrset[] {
    if (keyOf(apex) !== keyOf(wireName(this.#config.origin))) return rrsets
    return [...rrsets, ...countryNodes(apex, rrsets, COUNTRIES)]
  }

  #tell(zone: LoadedZone, apex: Uint8Array): void {
    const lines = linesOf(zone)
    for (const [index, { severity }] of zone.faults.entries()) {
      const line = lines[index] ?? ''
      if (severity === 'skipped') this.#log.error({ zone: formatName(apex) }, line)
      else this.#log.warn({ zone: formatName(apex) }, line)
    }
  }

  /** The files after it are read all the same. */
  async #reloadOrKeep(zone: LoadedZone, { store, report }: Reloading): Promise<void> {
    try {
      await this.#reloadFile(zone, { store, report })
    } catch (error) {
      if (isPassing(error)) this.#keptBack.set(zone.file, zone)
      this.#keepForFault(zone.file, error, report)
    }
  }

  /** The zones that follow from others. */
  async #follow({ store, report }: Reloading): Promise<void> {
    this.#isFollowingBehind = false
    try {
      if (this.#tunnels === 'known') await this.#changes.followForward(this.#config, this.#book.apexes, store)
      if (this.#listApex !== undefined)
        await this.#reloadStatic(this.#listApex, this.#listed(this.#listApex), store)
    } catch (error) {
      this.#isFollowingBehind = isPassing(error)
      report.kept.push(reasonOf(error))
    }
  }

  async #reloadFile(zone: LoadedZone, { store, report }: Reloading): Promise<void> {
    const { file, apex, rrsets } = zone
    if (apex === undefined || !isSound(zone)) {
      this.#keep(zone, report)
      return
    }
    const refusal = this.#refusalOf(file, apex)
    if (refusal !== undefined) {
      this.#book.fail(file, refusal)
      report.kept.push(refusal)
      return
    }
    if (this.#tunnels !== 'known' && this.#hasTunnels(apex)) {
      if (this.#tunnels === 'unserved') {
        const line = `${file}: ${TAKEN_BY_RESTART}`
        this.#book.fail(file, line)
        report.kept.push(line)
      }
      return
    }
    if (this.#tunnels === 'known' && this.#hasTunnels(apex)) {
      const trouble = await this.#changeAmongTunnels(apex, rrsets, store)
      if (trouble !== undefined) {
        this.#book.fail(file, `${file}: ${trouble}`)
        if (!this.#isClaimed(apex)) this.#book.noteUnclaimed(file)
        report.kept.push(`${file}: ${trouble}`)
        return
      }
    } else await this.#reloadStatic(apex, rrsets, store)
    this.#tell(zone, apex)
    this.#book.take(file, apex)
    report.taken.push(file)
  }

  /** Returns why that takes a restart. */
  async #changeAmongTunnels(
    apex: Uint8Array,
    rrsets: readonly Rrset[],
    store: ChangedStore,
  ): Promise<string | undefined> {
    if (isServed(this.catalog, apex))
      return this.#changes.changeOfTunnels(apex, this.#completed(apex, rrsets), store)
    if (this.#isClaimed(apex)) {
      this.#changes.replaceFailed(apex, this.#completed(apex, rrsets), store) // the audit puts the tunnels in
      return undefined
    }
    return `${formatName(apex)} is new, and names of tunnels may lie there: it needs a restart`
  }

  async #reloadStatic(apex: Uint8Array, rrsets: readonly Rrset[], store: ChangedStore): Promise<void> {
    if (this.#tunnels !== 'unknown') await this.#changes.changeStatic(apex, rrsets, store)
    else this.catalog.putZone(apex, rrsets) // nothing can be written down, and nobody follows
  }

  #keep(zone: LoadedZone, report: ReloadReport): void {
    const lines = linesOf(zone)
    const apex = this.#book.apexOf(zone.file) ?? zone.apex ?? zone.expectedApex
    // One that is served stays; a new one must not take names with it that are answered.
    if (apex !== undefined) this.#claim(zone.file, apex)
    this.#book.fail(zone.file, firstLine(zone))
    report.kept.push(...lines)
  }

  #claim(file: string, apex: Uint8Array): void {
    const isAnswered = this.#hasTunnels(apex) || this.catalog.apexOf(lowerCaseName(apex)) !== undefined
    if (!isAnswered) this.catalog.putFailedZone(apex)
    else if (!this.#isClaimed(apex)) this.#book.noteUnclaimed(file)
  }

  #keepForFault(file: string, error: unknown, report: ReloadReport): void {
    const line = `${file}: is kept as it was: ${reasonOf(error)}`
    this.#book.fail(file, line)
    report.kept.push(line)
  }

  /** Why a sound file is not taken. */
  #refusalOf(file: string, apex: Uint8Array): string | undefined {
    if (this.#listApex !== undefined && keyOf(apex) === keyOf(this.#listApex))
      return `${file}: ${takenByList(apex)}`
    const former = this.#book.apexOf(file)
    if (former === undefined || keyOf(former) === keyOf(apex) || !this.#isOfTunnels(former)) return undefined
    const name = formatName(former)
    return `${file}: gives ${formatName(apex)} and gave ${name}, where tunnels have their names: ${name} is kept as it was`
  }

  /** Whether a zone is served, or SERVFAIL because it could not be loaded. */
  #isClaimed(apex: Uint8Array): boolean {
    return this.catalog.claimedApexes().some(claimed => keyOf(claimed) === keyOf(apex))
  }

  /** A zone that tunnels live in, or one below it, which takes the names there. */
  #hasTunnels(apex: Uint8Array): boolean {
    const name = lowerCaseName(apex)
    return allApexes(this.#config).some(({ apex: top }) => isAtOrBelow(name, 0, top, 0))
  }

  /** A zone that tunnels live in, and that no other file has given. */
  #isMissedByTunnels(apex: Uint8Array): boolean {
    return this.#isOfTunnels(apex) && !isServed(this.catalog, apex)
  }

  #isOfTunnels(apex: Uint8Array): boolean {
    return allApexes(this.#config).some(({ key }) => key === keyOf(apex))
  }
}

interface Reloading {
  readonly store: ChangedStore
  readonly report: ReloadReport
}

function takenByList(apex: Uint8Array): string {
  return `dns.catalog_zone = "${formatName(apex)}": a zone file gives a zone of that name`
}

function isSound({ faults }: LoadedZone): boolean {
  return faults.every(({ severity }) => severity !== 'error')
}

/** Of the mistake that keeps the zone from being served; warnings may stand before it. */
function firstLine(zone: LoadedZone): string {
  const at = zone.faults.findIndex(({ severity }) => severity === 'error')
  return linesOf(zone)[Math.max(0, at)] ?? zone.file
}

function linesOf({ faults }: LoadedZone): string[] {
  return faults.map(
    ({ file, line, column, severity, message }) => `${file}:${line}:${column}: ${severity}: ${message}`,
  )
}

/** A full disk has room again, a lock is let go: nothing has to be done to the file. */
function isPassing(error: unknown): boolean {
  const fault = storageFaultOf(error)
  return fault !== undefined && troubleCodeOf(fault) !== undefined
}

function isServed(catalog: Catalog, apex: Uint8Array): boolean {
  return catalog.rrset(apex, TYPE.SOA) !== undefined
}
