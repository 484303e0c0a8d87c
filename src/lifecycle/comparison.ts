import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { RowDifference } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { isAtOrBelow, isSameName } from '../wire/wire-name.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { TunnelZoneName } from './tunnel-names.ts'
import { put, removal, type TunnelRrsets, type TunnelZone } from './tunnel-zone.ts'

/** A zone that names of tunnels lie in, and the last owner that was looked at there. */
export interface NamePlace {
  readonly apex: Uint8Array
  readonly after: Uint8Array | undefined
}

export interface RrsetCount {
  readonly rrsets: number
  /** Where the count goes on; undefined: it is complete. */
  readonly cursor: NamePlace | undefined
}

export interface Strays {
  readonly changes: readonly RrsetChange[]
  /** Where the search goes on; undefined: it is complete. */
  readonly cursor: NamePlace | undefined
}

/** What a comparison of rows has come to. */
export interface RowsFound {
  /** How many rrsets the rows have in each zone. */
  readonly published: Record<TunnelZoneName, number>
  /** What adds those that are not answered, or are with other contents. */
  readonly changes: RrsetChange[]
}

/** The names that are answered, held against the table, a slice at a time. */
export class Comparison {
  readonly #catalog: Catalog
  readonly #tunnels: TunnelReader
  readonly #zone: TunnelZone

  constructor(parts: {
    readonly catalog: Catalog
    readonly tunnels: TunnelReader
    readonly zone: TunnelZone
  }) {
    this.#catalog = parts.catalog
    this.#tunnels = parts.tunnels
    this.#zone = parts.zone
  }

  /** How many rrsets of tunnels a zone holds at the next `owners` owners after `cursor`. */
  countAfter(zone: TunnelZoneName, cursor: NamePlace | undefined, owners: number): RrsetCount {
    const { apex, after } = cursor ?? this.#begin(zone)
    const { dynamic, last } = this.#catalog.countAfter(apex, after, owners)
    return { rrsets: dynamic, cursor: this.#next(zone, apex, last) }
  }

  /** What takes away those of a zone's next rrsets that no row wants: its row is gone, is new, or says something else. */
  straysAfter(zone: TunnelZoneName, cursor: NamePlace | undefined, owners: number): Strays {
    const { apex, after } = cursor ?? this.#begin(zone)
    const { rrsets, last } = this.#catalog.dynamicAfter(apex, after, owners)
    const changes = rrsets.filter(rrset => !this.#isWanted(zone, rrset)).map(removal)
    return { changes, cursor: this.#next(zone, apex, last) }
  }

  /** Adds a row to what was found; 'hidden': static data stands in its place. Each of its names is looked up once. */
  addRow(tunnel: Tunnel, { published, changes }: RowsFound): 'new' | 'hidden' | 'published' {
    const wanted = this.#zone.wantedOf(tunnel)
    if (wanted === undefined) return 'new'
    const { forward, reverse, further } = wanted
    const forwardStanding = this.#catalog.standing(forward)
    const reverseStanding = this.#catalog.standing(reverse)
    if (forwardStanding === 'reserved' || reverseStanding === 'reserved') return 'hidden'
    published.forward++
    published.reverse++
    if (forwardStanding === 'other') changes.push(put(forward))
    if (reverseStanding === 'other') changes.push(put(reverse))
    for (const rrset of further) {
      published[this.#zone.names.zoneOf(rrset.owner)]++
      if (!this.#catalog.holds(rrset)) changes.push(put(rrset))
    }
    return 'published'
  }

  /** How many rrsets have come and gone with rows that were committed. */
  movedBy(rows: readonly RowDifference[]): number {
    let moved = 0
    for (const { before, after } of rows) {
      const was = before === undefined || 'reason' in before ? undefined : this.#zone.wantedOf(before)
      const is = after && this.#zone.wantedOf(after)
      if (was === undefined || is === undefined) moved += countOf(was ?? is)
    }
    return moved
  }

  #begin(zone: TunnelZoneName): NamePlace {
    return { apex: this.#zone.names.apexOf(zone), after: undefined }
  }

  /** Zones of their own below the tunnels' zone, a country's for example, hold names of tunnels too. */
  #next(zone: TunnelZoneName, apex: Uint8Array, last: Uint8Array | undefined): NamePlace | undefined {
    if (last !== undefined) return { apex, after: last }
    const top = this.#zone.names.apexOf(zone)
    const apexes = this.#catalog.apexes().filter(other => isAtOrBelow(other, 0, top, 0))
    const next = apexes[apexes.findIndex(other => isSameName(other, 0, apex, 0)) + 1]
    return next && { apex: next, after: undefined }
  }

  #isWanted(zone: TunnelZoneName, { owner, type }: Rrset): boolean {
    const tunnel = this.#tunnelAt(zone, owner)
    if (tunnel === undefined) return false
    return this.#zone
      .rrsetsOf(tunnel)
      .some(rrset => rrset.type === type && isSameName(rrset.owner, 0, owner, 0))
  }

  #tunnelAt(zone: TunnelZoneName, owner: Uint8Array): Tunnel | undefined {
    if (zone === 'reverse') {
      const address = this.#zone.names.addressOf(owner)
      return address === undefined ? undefined : this.#tunnels.byIpv6Client(address)
    }
    const name = this.#zone.names.nicnameOf(owner)
    return name === undefined ? undefined : this.#tunnels.byName(name.nicname, name.country)
  }
}

function countOf(rrsets: TunnelRrsets | undefined): number {
  return rrsets === undefined ? 0 : 2 + rrsets.further.length
}
