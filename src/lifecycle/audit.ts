import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../shared/log.ts'
import type { TunnelTable } from '../store/sqlite/tunnel-table.ts'
import type { PublishedColumns } from '../tunnel/tunnel.ts'
import type { RrsetChange } from '../zone/catalog.ts'
import type { TunnelRecords, TunnelZone, TunnelZoneName } from './tunnel-zone.ts'

/** Rows or records compared in one turn of the event loop: about a millisecond's work. */
const SLICE = 200
/** Owners counted in one turn: as long. */
const COUNTED_SLICE = 5000

export interface AuditReport {
  readonly tunnels: number
  /** Records that were answered and should not have been, or the other way round, or with other contents. */
  readonly differences: number
}

/**
 * Compares what is answered with what the table says, in both directions, and heals every difference at once. A commit
 * can't cause one; a row edited by another program does. Works in slices, so that answers and commits go on between.
 */
export class Audit {
  readonly #table: TunnelTable
  readonly #zone: TunnelZone
  readonly #heal: (changes: readonly RrsetChange[]) => void
  readonly #log: Log
  #running: Promise<AuditReport> | undefined
  #repeat = false

  constructor(options: {
    readonly table: TunnelTable
    readonly zone: TunnelZone
    readonly heal: (changes: readonly RrsetChange[]) => void
    readonly log: Log
  }) {
    this.#table = options.table
    this.#zone = options.zone
    this.#heal = options.heal
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
    for (;;) {
      this.#repeat = false
      const report = await this.#pass()
      if (!this.#repeat) return report
    }
  }

  async #pass(): Promise<AuditReport> {
    const { tunnels, published, missing } = await this.#publishMissing()
    const strays = (await this.#strays('forward', published)) + (await this.#strays('reverse', published))
    const differences = strays + missing
    if (differences > 0)
      this.#log.warn({ differences, tunnels }, 'DNS differed from the table and was healed')
    return { tunnels, differences }
  }

  /**
   * Every row has its record by now, and no two have the same: as many records as rows leaves no stray among them. One
   * that came or went meanwhile makes the counts differ; then each record is looked up.
   */
  async #strays(zone: TunnelZoneName, rows: number): Promise<number> {
    let records = 0
    for (let cursor: Uint8Array | undefined; ; ) {
      const count = this.#zone.countAfter(zone, cursor, COUNTED_SLICE)
      records += count.records
      cursor = count.cursor
      if (cursor === undefined) break
      await nextTurn()
    }
    return records === rows + this.#zone.staticRecords(zone) ? 0 : this.#removeStrays(zone)
  }

  /** Records whose row is gone, is new, or says something else. */
  async #removeStrays(zone: TunnelZoneName): Promise<number> {
    let found = 0
    for (let cursor: Uint8Array | undefined; ; ) {
      const slice = this.#zone.publishedAfter(zone, cursor, SLICE)
      const changes = slice.rrsets
        .filter(rrset => !this.#isWanted(zone, rrset.owner))
        .map(({ owner, type }) => ({ kind: 'remove', owner, type }) as const)
      found += this.#healed(changes)
      if (slice.cursor === undefined) return found
      cursor = slice.cursor
      await nextTurn()
    }
  }

  async #publishMissing(): Promise<{ tunnels: number; published: number; missing: number }> {
    let tunnels = 0
    let published = 0
    let missing = 0
    for (let from = 0; ; ) {
      const { rows, next } = this.#table.publishedSlice(from, SLICE)
      for (const row of rows) {
        const records = this.#recordsOf(row)
        if (records === undefined) continue
        published++
        missing += this.#healed(this.#zone.differencesOf(records))
      }
      tunnels += rows.length
      if (next === undefined) return { tunnels, published, missing }
      from = next
      await nextTurn()
    }
  }

  /** An operator who edits a row by hand must hear why its name does not appear. */
  #recordsOf(row: PublishedColumns): TunnelRecords | undefined {
    const records = this.#zone.recordsOf(row)
    if (row.unreachable < 0 || records !== undefined) return records
    const { nicname, country, ipv6Client } = row
    this.#log.warn(
      { tunnel: this.#table.byName(nicname, country)?.id, nicname, country, ipv6Client },
      'row can not stand in DNS: bad name or address, or static data in its place',
    )
    return undefined
  }

  #isWanted(zone: TunnelZoneName, owner: Uint8Array): boolean {
    const tunnel = zone === 'forward' ? this.#tunnelByName(owner) : this.#tunnelByAddress(owner)
    return tunnel !== undefined && this.#zone.recordsOf(tunnel) !== undefined
  }

  #tunnelByName(owner: Uint8Array) {
    const name = this.#zone.nicnameOf(owner)
    return name && this.#table.byName(name.nicname, name.country)
  }

  #tunnelByAddress(owner: Uint8Array) {
    const address = this.#zone.addressOf(owner)
    return address === undefined ? undefined : this.#table.byIpv6Client(address)
  }

  #healed(changes: readonly RrsetChange[]): number {
    if (changes.length > 0) this.#heal(changes)
    return changes.length
  }
}
