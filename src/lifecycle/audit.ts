import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../shared/log.ts'
import type { Cursor, TableSlice, TunnelStore } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
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
    return answered === wanted ? 0 : this.#removeStrays(zone)
  }

  async #removeStrays(zone: TunnelZoneName): Promise<number> {
    let found = 0
    let after: Uint8Array | undefined
    for (let cursor: Uint8Array | undefined, owners = 0, strays = 0; ; ) {
      const { changes, cursor: next } = this.#comparison.straysAfter(zone, cursor, SLICE)
      cursor = next
      owners += SLICE
      strays += changes.length
      if (owners >= HEALED_OWNERS || cursor === undefined) {
        const [from, length] = [after, owners]
        if (strays > 0)
          found += await this.#heal(() => this.#comparison.straysAfter(zone, from, length).changes)
        after = cursor
        owners = 0
        strays = 0
      }
      if (cursor === undefined) return found
      await nextTurn()
    }
  }

  async #publishMissing(published: Published): Promise<{ tunnels: number; missing: number }> {
    let tunnels = 0
    let missing = 0
    let lacking: Tunnel[] = []
    for (let from: Cursor | undefined; ; ) {
      const { rows, next }: TableSlice<Tunnel> = this.#store.tunnels.slice(from, SLICE)
      lacking.push(...rows.filter(row => this.#lacks(row, published)))
      tunnels += rows.length
      if (lacking.length >= HEALED_ROWS || (next === undefined && lacking.length > 0)) {
        const due = lacking
        lacking = []
        missing += await this.#heal(() => this.#missingOf(due))
      }
      if (next === undefined) return { tunnels, missing }
      from = next
      await nextTurn()
    }
  }

  #lacks(tunnel: Tunnel, published: Published): boolean {
    const rrsets = this.#zone.rrsetsOf(tunnel)
    if (rrsets.length === 0) {
      if (tunnel.unreachable >= 0) this.#tellHidden(tunnel)
      return false
    }
    this.#hidden.delete(tunnel.id)
    for (const { owner } of rrsets) published[this.#zone.names.zoneOf(owner)]++
    return this.#comparison.missing(rrsets).length > 0
  }

  /** As the rows are now: they may have changed since they were looked at. */
  #missingOf(tunnels: readonly Tunnel[]): readonly RrsetChange[] {
    return tunnels.flatMap(({ id }) => {
      const tunnel = this.#store.tunnels.byId(id)
      return tunnel === undefined ? [] : this.#comparison.missing(this.#zone.rrsetsOf(tunnel))
    })
  }

  /** An operator who edits a row by hand must hear, once, why its name does not appear. */
  #tellHidden({ id, nicname, country }: Tunnel): void {
    if (this.#hidden.has(id)) return
    this.#hidden.add(id)
    this.#log.warn({ tunnel: id, nicname, country }, 'row can not stand in DNS: static data in its place')
  }

  /** Puts right what `find` finds inside the transaction: nothing can come between that and the commit. */
  #heal(find: () => readonly RrsetChange[]): Promise<number> {
    return this.#store.commit(() => {
      const changes = find()
      return { outcome: changes.length, changes }
    })
  }
}
