import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../shared/log.ts'
import type { Cursor, TunnelStore } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'
import { Comparison } from './comparison.ts'
import type { TunnelZoneName } from './tunnel-names.ts'
import type { TunnelZone } from './tunnel-zone.ts'

/** Rows or rrsets compared in one turn of the event loop: about a millisecond's work. */
const SLICE = 200
/** Rows whose names are put right in one commit: each costs a serial, which secondaries follow, and a wait for the disk. */
const HEALED_ROWS = 1000
/** Owners whose strays go in one commit. */
const HEALED_OWNERS = 1000
/** Owners counted in one turn: as long. */
const COUNTED_SLICE = 5000

export interface AuditReport {
  readonly tunnels: number
  /** Rrsets that were answered and should not have been, or the other way round, or with other contents. */
  readonly differences: number
}

/** How many rrsets the rows have in each zone. */
type Published = Record<TunnelZoneName, number>

/** Some rows that follow each other, as they were compared with what is answered. */
interface ComparedRows {
  readonly tunnels: number
  /** Where the comparison goes on; undefined: it is complete. */
  readonly next: Cursor | undefined
  readonly published: Published
  readonly changes: readonly RrsetChange[]
}

/**
 * Compares what is answered with what the table says, in both directions, and heals every difference at once. A commit
 * can't cause one; a row edited by another program does. Works in slices, so that answers and commits go on between.
 */
export class Audit {
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #comparison: Comparison
  readonly #log: Log
  /** Rows already named in the log because static data stands in their place. */
  readonly #hidden = new Set<string>()
  #running: Promise<AuditReport> | undefined
  #repeat = false

  constructor(options: {
    readonly store: TunnelStore
    readonly catalog: Catalog
    readonly zone: TunnelZone
    readonly log: Log
  }) {
    const { store, catalog, zone } = options
    this.#store = store
    this.#zone = zone
    this.#comparison = new Comparison({ catalog, zone, tunnels: store.tunnels })
    this.#log = options.log
  }

  /** Runs an audit; calls while one runs share one further run, so that what was edited meanwhile is seen. */
  run(): Promise<AuditReport> {
    if (this.#running !== undefined) {
      this.#repeat = true
      return this.#running
    }
    this.#running = this.#passes().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #passes(): Promise<AuditReport> {
    for (let earlier = 0; ; ) {
      this.#repeat = false
      const { tunnels, differences } = await this.#pass()
      if (!this.#repeat) return { tunnels, differences: earlier + differences }
      earlier += differences // healed already, and counted all the same
    }
  }

  async #pass(): Promise<AuditReport> {
    const published: Published = { forward: 0, reverse: 0 }
    const { tunnels, missing } = await this.#publishMissing(published)
    const strays =
      (await this.#strays('forward', published.forward)) + (await this.#strays('reverse', published.reverse))
    const differences = strays + missing
    if (differences > 0)
      this.#log.warn({ differences, tunnels }, 'DNS differed from the table and was healed')
    return { tunnels, differences }
  }

  /**
   * Every row has its rrsets by now, and no two rows share one: as many as the rows have leaves no stray among them. One
   * that came or went meanwhile makes the counts differ; then each is looked up.
   */
  async #strays(zone: TunnelZoneName, wanted: number): Promise<number> {
    let answered = 0
    for (let cursor: Uint8Array | undefined; ; ) {
      const count = this.#comparison.countAfter(zone, cursor, COUNTED_SLICE)
      answered += count.rrsets
      cursor = count.cursor
      if (cursor === undefined) break
      await nextTurn()
    }
    if (answered === wanted) return 0
    return this.#removeStrays(zone, answered > wanted ? answered - wanted : Number.POSITIVE_INFINITY)
  }

  /** Looks no further when `excess` strays are found: where they lie is not known, and the rest is in order. */
  async #removeStrays(zone: TunnelZoneName, excess: number): Promise<number> {
    let found = 0
    for (let cursor: Uint8Array | undefined; ; ) {
      const looked = this.#comparison.straysAfter(zone, cursor, SLICE)
      const strays =
        looked.changes.length === 0
          ? looked
          : await this.#heal(() => this.#comparison.straysAfter(zone, cursor, HEALED_OWNERS))
      found += strays.changes.length
      cursor = strays.cursor
      if (cursor === undefined || found >= excess) return found
      await nextTurn()
    }
  }

  async #publishMissing(published: Published): Promise<{ tunnels: number; missing: number }> {
    let tunnels = 0
    let missing = 0
    for (let from: Cursor | undefined; ; ) {
      const looked = this.#compareRows(from, SLICE)
      const slice =
        looked.changes.length === 0 ? looked : await this.#heal(() => this.#compareRows(from, HEALED_ROWS))
      tunnels += slice.tunnels
      missing += slice.changes.length
      published.forward += slice.published.forward
      published.reverse += slice.published.reverse
      if (slice.next === undefined) return { tunnels, missing }
      from = slice.next
      await nextTurn()
    }
  }

  /** The next rows, and what puts their names right. */
  #compareRows(from: Cursor | undefined, limit: number): ComparedRows {
    const published: Published = { forward: 0, reverse: 0 }
    const { rows, next } = this.#store.tunnels.slice(from, limit)
    const changes: RrsetChange[] = []
    for (const row of rows) {
      const rrsets = this.#rrsetsOf(row)
      for (const { owner } of rrsets) published[this.#zone.names.zoneOf(owner)]++
      changes.push(...this.#comparison.missing(rrsets))
    }
    return { tunnels: rows.length, next, published, changes }
  }

  /** Tells whom static data hides. */
  #rrsetsOf(tunnel: Tunnel): readonly Rrset[] {
    const rrsets = this.#zone.rrsetsOf(tunnel)
    if (rrsets.length > 0) this.#hidden.delete(tunnel.id)
    else if (tunnel.unreachable >= 0) this.#tellHidden(tunnel)
    return rrsets
  }

  /** An operator who edits a row by hand must hear, once, why its name does not appear. */
  #tellHidden({ id, nicname, country }: Tunnel): void {
    if (this.#hidden.has(id)) return
    this.#hidden.add(id)
    this.#log.warn({ tunnel: id, nicname, country }, 'row can not stand in DNS: static data in its place')
  }

  /**
   * Puts right what `find` finds inside the transaction: nothing can come between that and the commit. What was found
   * before is looked for again there, together with all that follows it, so that only the first is found twice.
   */
  #heal<Found extends { readonly changes: readonly RrsetChange[] }>(find: () => Found): Promise<Found> {
    return this.#store.commit(() => {
      const found = find()
      return { outcome: found, changes: found.changes }
    })
  }
}
