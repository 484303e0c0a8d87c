import type { BrokenRow, Tunnel } from '../../tunnel/tunnel.ts'
import { TYPE } from '../../wire/codes.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'
import { soaSerial } from '../../zone/serial.ts'
import { storageFaultOf } from '../storage-fault.ts'
import type { Given } from './index-allocation.ts'
import type { Journal } from './journal.ts'
import { isBroken } from './row-rules.ts'
import type { SeenClock } from './seen-clock.ts'
import type { StoreTables } from './store-tables.ts'
import { ZoneDigests } from './zone-digests.ts'
import { withSerial, type ZoneSoas } from './zone-soas.ts'

interface TableStartParts {
  readonly catalog: Catalog
  /** The zones that tunnels live in, in wire form and lower case. */
  readonly apexes: readonly Uint8Array[]
  readonly tables: Pick<StoreTables, 'tunnels' | 'links' | 'routed'>
  readonly journal: Journal
  readonly soas: ZoneSoas
  readonly clock: SeenClock
  /** Seconds of the steady clock. */
  readonly now: () => number
  /** Runs work in a transaction of its own; throws if it failed. */
  readonly write: <T>(work: () => T) => T
  readonly noteFault: (error: unknown) => void
}

/** What a start publishes of the table, which indexes are taken, and the serials that the zones begin with. */
export class TableStart {
  readonly #parts: TableStartParts

  constructor(parts: TableStartParts) {
    this.#parts = parts
  }

  publish(rrsetsOf: (tunnel: Tunnel) => readonly Rrset[]): void {
    const { catalog, apexes, journal, now } = this.#parts
    const { tunnels, links, routed } = this.#parts.tables
    const digests = ZoneDigests.ofStatics(catalog, apexes)
    catalog.commit(this.#changesOfAll(rrsetsOf, journal.isKept ? digests : undefined), { differences: false })
    for (const row of tunnels.dormant.all()) this.#occupy(row)
    links.loadResting(now())
    routed?.loadResting(now())
    catalog.commit(this.#startSoas(digests), { differences: false })
  }

  *#changesOfAll(
    rrsetsOf: (tunnel: Tunnel) => readonly Rrset[],
    digests: ZoneDigests | undefined,
  ): Generator<RrsetChange> {
    for (const row of this.#parts.tables.tunnels.all()) {
      this.#occupy(row)
      if (isBroken(row)) continue
      for (const rrset of rrsetsOf(row)) {
        digests?.add(rrset)
        yield { kind: 'put', rrset, dynamic: true }
      }
    }
  }

  #occupy(row: Given | BrokenRow): void {
    this.#parts.tables.links.occupy(row)
    this.#parts.tables.routed?.occupy(row)
  }

  /** What a start writes, and the SOA records of its serials; if it can't, those that were written last stand. */
  #startSoas(digests: ZoneDigests): readonly RrsetChange[] {
    const { clock, soas, now, write, noteFault } = this.#parts
    const { links, routed } = this.#parts.tables
    try {
      const changes = write(() => {
        clock.note(now())
        links.forgetRested(now())
        routed?.forgetRested(now())
        return this.#beginAll(digests)
      })
      clock.committed()
      return changes
    } catch (error) {
      if (storageFaultOf(error) === undefined) throw error
      noteFault(error)
      return soas.standing(now())
    }
  }

  #beginAll(digests: ZoneDigests): readonly RrsetChange[] {
    const { catalog, soas, journal, now } = this.#parts
    const apexes = catalog.apexes()
    soas.forgetOthers(catalog.claimedApexes()) // one whose file is broken comes back
    return apexes.flatMap(apex => {
      const soa = catalog.rrset(apex, TYPE.SOA)
      const rdata = soa?.rdatas[0]
      if (soa === undefined || rdata === undefined) return []
      const isCounted = journal.isKept || !soas.isClocked(apex)
      const serial = soas.begin({ apex, soa, digest: isCounted ? digests.of(apex) : undefined }, now())
      return serial === soaSerial(rdata) ? [] : [{ kind: 'put', rrset: withSerial(soa, serial) }]
    })
  }
}
