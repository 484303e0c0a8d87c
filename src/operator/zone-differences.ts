import { randomBytes } from 'node:crypto'
import { REFUSAL, refused } from '../lifecycle/refusal.ts'
import { problem } from '../shared/problem.ts'
import { type JournalReader, JournalTrimmed } from '../store/journal.ts'
import { formatRdata } from '../text/rdata.ts'
import { TYPE, typeText } from '../wire/codes.ts'
import { formatName, lowerCaseName, parseName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import { serialCompare, soaSerial } from '../zone/serial.ts'
import { stepRecords } from '../zone/zone-difference.ts'
import type { ZoneRecord } from '../zone/zone-record.ts'
import type { Outcome } from './outcome.ts'
import type { DumpedRecord } from './zone-dumps.ts'

/** Records of one reply. */
const SLICE = 500
/** Differences under way; with one more the oldest is given up. */
const MAX_UNDER_WAY = 4

/** A record that a step removes or adds; each step removes its old SOA first and then adds its new one. */
export interface ChangedRecord extends DumpedRecord {
  readonly change: '-' | '+'
}

interface DifferenceSlice {
  readonly records: ChangedRecord[]
  /** Asks for the next slice; null at the end. */
  readonly next: string | null
}

/** How zones differ from what they were with an earlier serial, in slices: what an IXFR would send (RFC 1995). */
export class ZoneDifferences {
  readonly #catalog: Pick<Catalog, 'rrset'>
  readonly #journal: JournalReader
  readonly #byToken = new Map<string, Generator<ChangedRecord, undefined>>()

  constructor(catalog: Pick<Catalog, 'rrset'>, journal: JournalReader) {
    this.#catalog = catalog
    this.#journal = journal
  }

  /** From the contents with serial `from` to those that are served. */
  begin(origin: string, from: number): Outcome<DifferenceSlice> {
    const name = parseName(origin)
    const apex = name && lowerCaseName(name)
    const soa = apex && this.#catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    if (apex === undefined || soa === undefined) return refused(REFUSAL.noZone())
    const to = soaSerial(soa)
    if (serialCompare(from, to) === 0) return { kind: 'done', value: { records: [], next: null } }
    const steps = this.#journal.since(apex, { from, to })
    if (steps === undefined) return refused(problem('not-found', { case: 'serial' }))
    return this.#slice(changedRecords(stepRecords(steps)))
  }

  /** What follows; `token` is the `next` of the slice before, which is used up. */
  continue(token: string): Outcome<DifferenceSlice> {
    const records = this.#byToken.get(token)
    this.#byToken.delete(token)
    return records === undefined ? refused(problem('version-gone', {})) : this.#slice(records)
  }

  #slice(rest: Generator<ChangedRecord, undefined>): Outcome<DifferenceSlice> {
    const records: ChangedRecord[] = []
    try {
      while (records.length < SLICE) {
        const record = rest.next().value
        if (record === undefined) return { kind: 'done', value: { records, next: null } }
        records.push(record)
      }
    } catch (error) {
      if (error instanceof JournalTrimmed) return refused(problem('version-gone', {}))
      throw error
    }
    return { kind: 'done', value: { records, next: this.#keep(rest) } }
  }

  #keep(rest: Generator<ChangedRecord, undefined>): string {
    const token = randomBytes(12).toString('hex')
    this.#byToken.set(token, rest)
    const [oldest] = this.#byToken.keys()
    if (this.#byToken.size > MAX_UNDER_WAY && oldest !== undefined) this.#byToken.delete(oldest)
    return token
  }
}

/** RFC 1995 4: with each SOA it is the other's turn, of what is removed and of what is added. */
function* changedRecords(records: Iterable<ZoneRecord>): Generator<ChangedRecord, undefined> {
  let change: ChangedRecord['change'] = '+'
  for (const { owner, ttl, type, rdata } of records) {
    if (type === TYPE.SOA) change = change === '+' ? '-' : '+'
    yield { change, name: formatName(owner), ttl, type: typeText(type), rdata: formatRdata(type, rdata) }
  }
}
