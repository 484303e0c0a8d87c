/**
 * One step of the algorithm of RFC 1034 4.3.2, as amended: find the zone, go down from its apex, and say what is
 * there. What comes of the outcome (a chain to follow, sections to fill) is the answer's business.
 *
 *  1. The zone with the longest match; for DS at an apex, the zone above the cut (RFC 4035 3.1.4.1).
 *  2. From the apex down, the first cut ends the zone: a referral. The first DNAME above the name renames it.
 *  3. At the name itself: a cut is a referral too, but for DS; then the rrset, a CNAME, or no data.
 *  4. An empty non-terminal is a name without data (RFC 8020), and blocks wildcards (RFC 4592 2.2.2).
 *  5. The wildcard at the closest encloser, and nowhere else (RFC 4592 3.3.1). Else there is no such name.
 *
 * Everything is a number in this object's fields, valid until the next call: no allocation for a query.
 */
import { TYPE } from '../wire/codes.ts'
import { MAX_NAME_LENGTH } from '../wire/name.ts'
import { copyOctets, octet, uint16, uint32 } from '../wire/octets.ts'
import { NameKey } from './name-key.ts'
import {
  entryFlags,
  findRrset,
  firstRdata,
  firstRrset,
  HAS_CNAME,
  HAS_DNAME,
  HAS_NS,
  rrsetCount,
  zoneCell,
} from './owner-entry.ts'
import { TableReader } from './table-reader.ts'

/** Where a SOA's rdata has its serial (RFC 1035 3.3.13), counted from its end. */
const SERIAL_FROM_END = 20

/** The closed set of what a step can find. */
export const OUTCOME = {
  /** None of our zones holds the name. */
  OUTSIDE: 0,
  /** The zone is ours and could not be loaded. */
  FAILED: 1,
  /** `rrset` answers the question. */
  ANSWER: 2,
  /** `rrset` is the CNAME at the name. */
  CNAME: 3,
  /** `rrset` is the DNAME at the ancestor with `ownerLabels` labels. */
  DNAME: 4,
  /** `rrset` is the NS at the cut with `ownerLabels` labels. */
  REFERRAL: 5,
  NODATA: 6,
  NXDOMAIN: 7,
} as const

export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME]

export class Lookup {
  readonly reader: TableReader
  readonly key = new NameKey()
  /** Labels of the apex of the zone that the last step was in. */
  apexLabels = 0
  /** Octet offset of the rrset found, in `reader.octets`. */
  rrset = 0
  /** Octet offset of the zone's SOA rrset. */
  soa = 0
  /** Labels of the owner of `rrset`, for the outcomes above the name. */
  ownerLabels = 0
  /**
   * Labels of the name that the outcome comes from: of the cut, the DNAME's owner, the closest encloser of a name that
   * does not exist or is a wildcard's; else of the name itself.
   */
  sourceLabels = 0
  #zone = 0
  #apex = 0
  readonly #wildcard = new Uint8Array(MAX_NAME_LENGTH)
  readonly #wildcardKey = new NameKey()

  constructor(buffer: SharedArrayBuffer) {
    this.reader = new TableReader(buffer)
  }

  /** Serial of the zone of the last step; it has a SOA. */
  get serial(): number {
    const { octets } = this.reader
    const rdata = firstRdata(this.soa)
    return uint32(octets, rdata + 2 + uint16(octets, rdata) - SERIAL_FROM_END)
  }

  /** Looks the uncompressed name at `at` up for a type. */
  step(name: Uint8Array, at: number, type: number): Outcome {
    this.key.set(name, at)
    if (!this.#enterZone(name, at, type)) return OUTCOME.OUTSIDE
    const reader = this.reader
    reader.find(zoneCell(reader.words, this.#zone), this.key, name, at)
    if (!this.#enterApex()) return OUTCOME.FAILED

    this.sourceLabels = reader.encloserLabels
    const above = this.#goDown()
    if (above !== OUTCOME.NODATA) {
      this.sourceLabels = this.ownerLabels
      return above
    }
    if (reader.exact !== 0) return this.#atName(reader.exact, type)
    if (reader.encloserLabels === this.key.labels) return OUTCOME.NODATA // an empty non-terminal
    return this.#atWildcard(name, at, type)
  }

  /** Finds glue: an rrset of a name in the zone of the last step, cut or no cut. Its octet offset; 0: there is none. */
  glue(name: Uint8Array, at: number, type: number): number {
    this.key.set(name, at)
    const reader = this.reader
    reader.find(zoneCell(reader.words, this.#zone), this.key, name, at)
    return reader.exact === 0 ? 0 : findRrset(reader.words, reader.octets, reader.exact, type)
  }

  /** Is the name the apex of a zone that is served? */
  isApex(name: Uint8Array, at: number): boolean {
    this.key.set(name, at)
    this.reader.find(this.reader.root, this.key, name, at)
    return this.reader.exact !== 0
  }

  #enterZone(name: Uint8Array, at: number, type: number): boolean {
    const reader = this.reader
    reader.find(reader.root, this.key, name, at)
    const above = reader.ancestors - 1
    if (reader.exact !== 0 && (type !== TYPE.DS || above < 0)) {
      this.#zone = reader.exact
      this.apexLabels = this.key.labels
      return true
    }
    if (above < 0) return false
    this.#zone = reader.ancestorEntries[above] ?? 0
    this.apexLabels = octet(reader.ancestorLabels, above)
    return true
  }

  /** The apex lies on every way down. A zone without one, or without its SOA, is a zone that failed to load. */
  #enterApex(): boolean {
    const reader = this.reader
    this.#apex = reader.ancestors > 0 ? (reader.ancestorEntries[0] ?? 0) : reader.exact
    if (this.#apex === 0) return false
    this.soa = findRrset(reader.words, reader.octets, this.#apex, TYPE.SOA)
    return this.soa !== 0
  }

  #goDown(): Outcome {
    const reader = this.reader
    for (let i = 0; i < reader.ancestors; i++) {
      const entry = reader.ancestorEntries[i] ?? 0
      const flags = entryFlags(reader.words, entry)
      if ((flags & (HAS_NS | HAS_DNAME)) === 0) continue
      this.ownerLabels = octet(reader.ancestorLabels, i)
      if ((flags & HAS_NS) !== 0 && this.ownerLabels > this.apexLabels)
        return this.#found(OUTCOME.REFERRAL, entry, TYPE.NS)
      if ((flags & HAS_DNAME) !== 0) return this.#found(OUTCOME.DNAME, entry, TYPE.DNAME)
    }
    return OUTCOME.NODATA
  }

  #atName(entry: number, type: number): Outcome {
    const isCut = (entryFlags(this.reader.words, entry) & HAS_NS) !== 0 && this.key.labels > this.apexLabels
    if (!isCut || type === TYPE.DS) return this.#dataOf(entry, type)
    this.ownerLabels = this.key.labels
    return this.#found(OUTCOME.REFERRAL, entry, TYPE.NS)
  }

  #dataOf(entry: number, type: number): Outcome {
    const reader = this.reader
    if (type === TYPE.ANY) {
      // RFC 8482 4.1: one rrset is enough of an answer.
      this.rrset = firstRrset(reader.words, entry)
      return rrsetCount(reader.words, entry) > 0 ? OUTCOME.ANSWER : OUTCOME.NODATA
    }
    this.rrset = findRrset(reader.words, reader.octets, entry, type)
    if (this.rrset !== 0) return OUTCOME.ANSWER
    if ((entryFlags(reader.words, entry) & HAS_CNAME) === 0) return OUTCOME.NODATA
    return this.#found(OUTCOME.CNAME, entry, TYPE.CNAME)
  }

  #atWildcard(name: Uint8Array, at: number, type: number): Outcome {
    const reader = this.reader
    const encloserLabels = reader.encloserLabels
    const start = at + this.key.start(encloserLabels)
    const length = this.key.wireLength(encloserLabels)
    // A name that has no room for one more label has no wildcard below it.
    if (length + 2 > MAX_NAME_LENGTH) return OUTCOME.NXDOMAIN
    this.#wildcard[0] = 1
    this.#wildcard[1] = 0x2a
    copyOctets(name, start, this.#wildcard, 2, length)
    this.#wildcardKey.set(this.#wildcard, 0)
    reader.find(zoneCell(reader.words, this.#zone), this.#wildcardKey, this.#wildcard, 0)
    if (reader.exact !== 0) return this.#dataOf(reader.exact, type)
    // RFC 4592 2.2.3: a wildcard that is an empty non-terminal exists, and has no data to give.
    return reader.encloserLabels === this.#wildcardKey.labels ? OUTCOME.NODATA : OUTCOME.NXDOMAIN
  }

  #found(outcome: Outcome, entry: number, type: number): Outcome {
    this.rrset = findRrset(this.reader.words, this.reader.octets, entry, type)
    return outcome
  }
}
