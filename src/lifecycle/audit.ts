import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../shared/log.ts'
import type { Cursor } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import { Comparison, type NamePlace, type RowsFound, type Strays } from './comparison.ts'
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

/**
 * How strays are looked for. Thorough: among all names, unless nothing was committed meanwhile and the counts agree.
 * Quick: not where what was committed meanwhile explains the difference, as on a busy server it does nearly every time.
 */
export type Care = 'thorough' | 'quick'

/** Some rows that follow each other, as they were compared with what is answered. */
interface ComparedRows extends RowsFound {
  readonly tunnels: number
  readonly hidden: number
  /** Where the comparison goes on; undefined: it is complete. */
  readonly next: Cursor | undefined
}

/**
 * Compares what is answered with what the table says, in both directions, and heals every difference at once. A commit
 * can't cause one; a row edited by another program does. Works in slices, so that answers and commits go on between.
 */
export class Audit {
  readonly #store: TunnelStore
  readonly #comparison: Comparison
  readonly #zone: TunnelZone
  readonly #log: Log
  /** Rows already named in the log because static data stands in their place. */
  readonly #hidden = new Set<string>()
  #hiddenCount: number | undefined
  #running: Promise<AuditReport> | undefined
  #repeat: Care | undefined
  /** Rrsets that came or went with committed rows since the pass began. */
  #committed = 0

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

  /** Tunnels without a name since static data stands in its place, as last counted; undefined: they were not yet. */
  get hidden(): number | undefined {
    return this.#hiddenCount
  }

  /** Runs an audit; calls while one runs share one further run, so that what was edited meanwhile is seen. */
  run(care: Care = 'thorough'): Promise<AuditReport> {
    if (this.#running !== undefined) {
      if (this.#repeat !== 'thorough') this.#repeat = care
      return this.#running
    }
    this.#running = this.#passes(care).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #passes(care: Care): Promise<AuditReport> {
    const stopListening = this.#store.onCommitted(({ rows }) => {
      this.#committed += this.#comparison.movedBy(rows)
    })
    try {
      for (let earlier = 0; ; ) {
        this.#repeat = undefined
        const { tunnels, differences } = await this.#pass(care)
        if (this.#repeat === undefined) return { tunnels, differences: earlier + differences }
        care = this.#repeat
        earlier += differences // healed already, and counted all the same
      }
    } finally {
      stopListening()
    }
  }

  async #pass(care: Care): Promise<AuditReport> {
    const published = { forward: 0, reverse: 0 }
    this.#committed = 0
    const { tunnels, missing } = await this.#publishMissing(published)
    await this.#lookAtDormant()
    // An edit that left names out has most likely left strays too.
    const isQuick = care === 'quick' && missing === 0
    const strays =
      (await this.#strays('forward', published.forward, isQuick)) +
      (await this.#strays('reverse', published.reverse, isQuick))
    const differences = strays + missing
    if (differences > 0)
      this.#log.warn({ differences, tunnels }, 'DNS differed from the table and was healed')
    return { tunnels, differences }
  }

  /**
   * Every row has its rrsets by now, and no two rows share one: as many as the rows have leaves no stray among them. What
   * came or went meanwhile makes the counts differ, or hides that they do.
   */
  async #strays(zone: TunnelZoneName, wanted: number, isQuick: boolean): Promise<number> {
    const answered = await this.#countAnswered(zone)
    if (this.#committed === 0) {
      if (answered === wanted) return 0
      return this.#removeStrays(zone, answered > wanted ? answered - wanted : Number.POSITIVE_INFINITY)
    }
    if (isQuick && Math.abs(answered - wanted) <= this.#committed) return 0
    return this.#removeStrays(zone, Number.POSITIVE_INFINITY)
  }

  async #countAnswered(zone: TunnelZoneName): Promise<number> {
    let answered = 0
    for (let cursor: NamePlace | undefined; ; ) {
      const count = this.#comparison.countAfter(zone, cursor, COUNTED_SLICE)
      answered += count.rrsets
      cursor = count.cursor
      if (cursor === undefined) return answered
      await nextTurn()
    }
  }

  /** Looks no further when `excess` strays are found: where they lie is not known, and the rest is in order. */
  async #removeStrays(zone: TunnelZoneName, excess: number): Promise<number> {
    let found = 0
    let strays: Strays = { changes: [], cursor: undefined }
    do {
      const { cursor } = strays
      strays = await this.#healed(strays, {
        look: () => this.#comparison.straysAfter(zone, cursor, SLICE),
        heal: () => this.#comparison.straysAfter(zone, cursor, HEALED_OWNERS),
      })
      found += strays.changes.length
      await nextTurn()
    } while (strays.cursor !== undefined && found < excess)
    return found
  }

  async #publishMissing(published: RowsFound['published']): Promise<{ tunnels: number; missing: number }> {
    let tunnels = 0
    let missing = 0
    let hidden = 0
    let slice: ComparedRows = NOT_BEGUN
    do {
      const { next } = slice
      slice = await this.#healed(slice, {
        look: () => this.#compareRows(next, SLICE),
        heal: () => this.#compareRows(next, HEALED_ROWS),
      })
      tunnels += slice.tunnels
      missing += slice.changes.length
      hidden += slice.hidden
      published.forward += slice.published.forward
      published.reverse += slice.published.reverse
      await nextTurn()
    } while (slice.next !== undefined)
    this.#hiddenCount = hidden
    return { tunnels, missing }
  }

  /** They have no names; but one that can't be used any more must be told of, which the reading of it does. */
  async #lookAtDormant(): Promise<void> {
    for (let from: string | undefined = ''; from !== undefined; ) {
      from = this.#store.tunnels.dormant.after(from, SLICE).next
      await nextTurn()
    }
  }

  /** The next rows, and what puts their names right. */
  #compareRows(from: Cursor | undefined, limit: number): ComparedRows {
    const { rows, next } = this.#store.tunnels.slice(from, limit)
    const found: RowsFound = { published: { forward: 0, reverse: 0 }, changes: [] }
    let hidden = 0
    for (const row of rows) {
      const outcome = this.#comparison.addRow(row, found)
      if (outcome === 'hidden') {
        hidden++
        this.#tellHidden(row)
      } else if (outcome === 'published' && this.#hidden.size > 0) this.#hidden.delete(row.id)
    }
    return { tunnels: rows.length, hidden, next, ...found }
  }

  /** An operator who edits a row by hand must hear, once, why its name does not appear. */
  #tellHidden({ id, nicname, country }: Tunnel): void {
    if (this.#hidden.has(id) || !this.#zone.isServed) return
    this.#hidden.add(id)
    this.#log.warn({ tunnel: id, nicname, country }, 'row can not stand in DNS: static data in its place')
  }

  /**
   * Looks at a slice, and puts right what `heal` finds of it inside a transaction: nothing can come between that and the
   * commit. Where the slice `before` had to be healed this one is not looked at first: the same edit has most likely changed it too.
   */
  async #healed<Found extends Healing>(
    before: Found,
    { look, heal }: { readonly look: () => Found; readonly heal: () => Found },
  ): Promise<Found> {
    const looked = before.changes.length > 0 ? undefined : look()
    if (looked?.changes.length === 0) return looked
    return this.#store.commit(() => {
      const found = heal()
      return { outcome: found, changes: found.changes }
    })
  }
}

interface Healing {
  readonly changes: readonly RrsetChange[]
}

const NOT_BEGUN: ComparedRows = {
  tunnels: 0,
  hidden: 0,
  next: undefined,
  published: { forward: 0, reverse: 0 },
  changes: [],
}
