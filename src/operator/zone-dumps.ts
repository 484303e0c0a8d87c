import { randomBytes } from 'node:crypto'
import { REFUSAL, refused } from '../lifecycle/refusal.ts'
import { problem } from '../shared/problem.ts'
import { formatRdata } from '../text/rdata.ts'
import { TYPE, typeText } from '../wire/codes.ts'
import { formatName, lowerCaseName, parseName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { Snapshot } from '../zone/snapshot.ts'
import { SnapshotExpired, TooManySnapshots } from '../zone/table-fault.ts'
import type { Outcome } from './outcome.ts'

/** Records of one reply, roughly. */
const SLICE = 500
/** Dumps under way; with one more the oldest is given up. */
const MAX_DUMPS = 4
/** A person may read a dump page by page: after this long nobody does, and nobody needs the version. */
const PATIENCE_MS = 3_600_000

/** A record as a master file has it (RFC 1035 5.1). */
export interface DumpedRecord {
  readonly name: string
  readonly ttl: number
  readonly type: string
  readonly rdata: string
}

interface DumpSlice {
  readonly records: DumpedRecord[]
  /** Asks for the next slice; null at the end. */
  readonly next: string | null
}

/** A dump that waits to be continued. */
interface Waiting {
  readonly dump: Dump
  readonly timer: NodeJS.Timeout
}

interface Dump {
  readonly snapshot: Snapshot
  readonly soa: Rrset
  readonly after: Uint8Array | undefined
}

/** Zones as master files, in slices: each dump reads one version from its first slice to its last, whatever is committed. */
export class ZoneDumps {
  readonly #catalog: Pick<Catalog, 'snapshot'>
  readonly #byToken = new Map<string, Waiting>()

  constructor(catalog: Pick<Catalog, 'snapshot'>) {
    this.#catalog = catalog
  }

  /** The SOA record, and with it the first of the others in canonical order (RFC 4034 6.1). */
  begin(origin: string): Outcome<DumpSlice> {
    const apex = parseName(origin)
    if (apex === undefined) return refused(REFUSAL.noZone())
    try {
      const snapshot = this.#catalog.snapshot()
      const soa = snapshot.rrset(lowerCaseName(apex), TYPE.SOA)
      if (soa !== undefined) return this.#slice({ snapshot, soa, after: undefined }, recordsOf(soa))
      snapshot.release()
      return refused(REFUSAL.noZone())
    } catch (error) {
      if (error instanceof TooManySnapshots) return refused(problem('version-gone', {}))
      throw error
    }
  }

  /** What follows; `token` is the `next` of the slice before, which is used up. */
  continue(token: string): Outcome<DumpSlice> {
    const dump = this.#take(token)
    return dump === undefined ? refused(problem('version-gone', {})) : this.#slice(dump, [])
  }

  #slice({ snapshot, soa, after }: Dump, records: DumpedRecord[]): Outcome<DumpSlice> {
    try {
      const rrsets = snapshot.walk(soa.owner, after, SLICE)
      for (const rrset of rrsets) if (!isApexSoa(rrset, soa)) records.push(...recordsOf(rrset))
      const last = rrsets.at(-1)?.owner
      if (last !== undefined)
        return { kind: 'done', value: { records, next: this.#keep({ snapshot, soa, after: last }) } }
      snapshot.release()
      return { kind: 'done', value: { records, next: null } }
    } catch (error) {
      if (error instanceof SnapshotExpired) return refused(problem('version-gone', {}))
      throw error
    }
  }

  #keep(dump: Dump): string {
    const token = randomBytes(12).toString('hex')
    const timer = setTimeout(() => this.#giveUp(token), PATIENCE_MS).unref()
    this.#byToken.set(token, { dump, timer })
    const [oldest] = this.#byToken.keys()
    if (this.#byToken.size > MAX_DUMPS && oldest !== undefined) this.#giveUp(oldest)
    return token
  }

  #giveUp(token: string): void {
    this.#take(token)?.snapshot.release()
  }

  #take(token: string): Dump | undefined {
    const waiting = this.#byToken.get(token)
    clearTimeout(waiting?.timer)
    this.#byToken.delete(token)
    return waiting?.dump
  }
}

function recordsOf({ owner, ttl, type, rdatas }: Rrset): DumpedRecord[] {
  const head = { name: formatName(owner), ttl, type: typeText(type) }
  return rdatas.map(rdata => ({ ...head, rdata: formatRdata(type, rdata) }))
}

function isApexSoa({ type, owner }: Rrset, soa: Rrset): boolean {
  return type === TYPE.SOA && owner.length === soa.owner.length
}
