/** What one version of the table says, for everything but answers: those have `Lookup`. */
import { NameKey } from './name-key.ts'
import {
  dynamicCount,
  entryFlags,
  findRrset,
  HAS_DNAME,
  HAS_NS,
  HAS_STATIC,
  isRrset,
  nameLength,
  readOwner,
  readRrset,
  readRrsets,
  rrsetCount,
  zoneCell,
} from './owner-entry.ts'
import type { Rrset } from './rrset.ts'
import type { TableReader } from './table-reader.ts'
import { entriesAfter, subtreeCell } from './walk.ts'

/** How many rrsets stand at some owners that follow each other. */
export interface RrsetCount {
  readonly rrsets: number
  /** How many of them are dynamic. */
  readonly dynamic: number
  /** The last owner counted, to go on after; undefined: the zone has no more. */
  readonly last: Uint8Array | undefined
}

/** The dynamic rrsets of some owners that follow each other. */
export interface DynamicSlice {
  readonly rrsets: readonly Rrset[]
  /** The last owner looked at, to go on after; undefined: the zone has no more. */
  readonly last: Uint8Array | undefined
}

/** What stands where an rrset of a tunnel would: see `isReserved`. */
export type Standing = 'reserved' | 'same' | 'other'

export class Version {
  readonly #reader: TableReader
  readonly #key: NameKey

  /** Reads the version that `reader` is at. `key` may be shared: `zoneEntry` leaves it at the name. */
  constructor(reader: TableReader, key = new NameKey()) {
    this.#reader = reader
    this.#key = key
  }

  /** Entry of the zone that the name belongs to; 0: it is in none of ours, or in one that failed to load. */
  zoneEntry(name: Uint8Array): number {
    const reader = this.#reader
    this.#key.set(name, 0)
    reader.find(reader.root, this.#key, name, 0)
    const above = reader.ancestors === 0 ? 0 : (reader.ancestorEntries[reader.ancestors - 1] ?? 0)
    const zone = reader.exact === 0 ? above : reader.exact
    return this.#isLoaded(zone) ? zone : 0
  }

  /** Entry of the zone of exactly this apex, loaded or not; 0: there is none. */
  apexEntry(apex: Uint8Array): number {
    this.#key.set(apex, 0)
    this.#reader.find(this.#reader.root, this.#key, apex, 0)
    return this.#reader.exact
  }

  /** Apex, in lower case, of the zone that the name belongs to; undefined: it is in none that is loaded. */
  apexOf(name: Uint8Array): Uint8Array | undefined {
    const zone = this.zoneEntry(name)
    return zone === 0 ? undefined : readOwner(this.#reader, zone)
  }

  /** Apexes of the zones that are loaded, in wire form and lower case, in canonical order. */
  apexes(): readonly Uint8Array[] {
    return [...entriesAfter(this.#reader, this.#reader.root)]
      .filter(zone => this.#isLoaded(zone))
      .map(zone => readOwner(this.#reader, zone))
  }

  /** The same of all zones, those that failed to load too. */
  claimedApexes(): readonly Uint8Array[] {
    return [...entriesAfter(this.#reader, this.#reader.root)].map(zone => readOwner(this.#reader, zone))
  }

  /** Exactly this owner and type: no wildcard, no chase. */
  rrset(owner: Uint8Array, type: number): Rrset | undefined {
    if (this.#find(owner) === 0 || this.#reader.exact === 0) return undefined
    const { words, octets, exact } = this.#reader
    const rrset = findRrset(words, octets, exact, type)
    return rrset === 0 ? undefined : readRrset(this.#reader, exact, rrset)
  }

  /** Is the owner's rrset of that type exactly this one? Compared in place. */
  holds(rrset: Rrset): boolean {
    return this.#find(rrset.owner) !== 0 && this.#isThere(rrset)
  }

  /**
   * Is a name for zone files alone? Static data stands at it or below it, so that it is an empty non-terminal at least,
   * or an NS below the apex or a DNAME, at it or above it, would occlude data put there. One way down for a name that
   * nothing is below; else its dynamic owners are looked at until a static one is found.
   */
  isReserved(name: Uint8Array): boolean {
    const zone = this.#find(name)
    return zone === 0 ? this.#isClaimed() : this.#isReserved(zone)
  }

  /** `isReserved` of the owner and `holds`, with one way down. */
  standing(rrset: Rrset): Standing {
    const zone = this.#find(rrset.owner)
    if (zone === 0) return this.#isClaimed() ? 'reserved' : 'other'
    if (this.#isReserved(zone)) return 'reserved'
    return this.#isThere(rrset) ? 'same' : 'other'
  }

  /**
   * Rrsets of a zone in canonical order, strictly after the owner `after`. Owners come whole, so there may be a few more
   * than `limit`. Empty at the end, or if the zone is not served.
   */
  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[] {
    const rrsets: Rrset[] = []
    for (const entry of this.#entriesAfter(apex, after)) {
      for (const { rrset } of readRrsets(this.#reader, entry)) rrsets.push(rrset)
      if (rrsets.length >= limit) break
    }
    return rrsets
  }

  /** The dynamic rrsets of the next `owners` owners after `after`. */
  dynamicAfter(apex: Uint8Array, after: Uint8Array | undefined, owners: number): DynamicSlice {
    const rrsets: Rrset[] = []
    let left = owners
    for (const entry of this.#entriesAfter(apex, after)) {
      if (dynamicCount(this.#reader, entry) > 0)
        for (const { rrset, isDynamic } of readRrsets(this.#reader, entry)) if (isDynamic) rrsets.push(rrset)
      if (--left === 0) return { rrsets, last: readOwner(this.#reader, entry) }
    }
    return { rrsets, last: undefined }
  }

  /** Counts the rrsets of the next `owners` owners after `after`. */
  countAfter(apex: Uint8Array, after: Uint8Array | undefined, owners: number): RrsetCount {
    let rrsets = 0
    let dynamic = 0
    let left = owners
    for (const entry of this.#entriesAfter(apex, after)) {
      rrsets += rrsetCount(this.#reader.words, entry)
      dynamic += dynamicCount(this.#reader, entry)
      if (--left === 0) return { rrsets, dynamic, last: readOwner(this.#reader, entry) }
    }
    return { rrsets, dynamic, last: undefined }
  }

  #entriesAfter(apex: Uint8Array, after: Uint8Array | undefined): Iterable<number> {
    const zone = this.apexEntry(apex)
    return zone === 0 ? [] : entriesAfter(this.#reader, zoneCell(this.#reader.words, zone), after)
  }

  #isLoaded(zone: number): boolean {
    const { words } = this.#reader
    return zone !== 0 && (words[zoneCell(words, zone) + 1] ?? 0) !== 0
  }

  /** Looks for the owner in its zone, whose entry it returns; 0: no zone of ours. The reader says what there is. */
  #find(owner: Uint8Array): number {
    const zone = this.zoneEntry(owner)
    if (zone !== 0) this.#reader.find(zoneCell(this.#reader.words, zone), this.#key, owner, 0)
    return zone
  }

  /** Straight after `#find` for the rrset's owner. */
  #isThere(rrset: Rrset): boolean {
    const { words, octets, exact } = this.#reader
    if (exact === 0) return false
    const at = findRrset(words, octets, exact, rrset.type)
    return at !== 0 && isRrset(octets, at, rrset)
  }

  /** Straight after `#find` has found no loaded zone: is it in one that failed to load? */
  #isClaimed(): boolean {
    return this.#reader.exact !== 0 || this.#reader.ancestors > 0
  }

  /** Straight after `#find` for a name of the zone. */
  #isReserved(zone: number): boolean {
    return this.#isOccluded(zone) || this.#staticAtOrBelow(zone)
  }

  /** Straight after `#find` for a name of the zone. */
  #isOccluded(zone: number): boolean {
    const reader = this.#reader
    if (this.#cuts(reader.exact, zone)) return true
    for (let i = 0; i < reader.ancestors; i++) {
      if (this.#cuts(reader.ancestorEntries[i] ?? 0, zone)) return true
    }
    return false
  }

  /** Straight after `#find` for a name of the zone. */
  #staticAtOrBelow(zone: number): boolean {
    if (this.#reader.encloserLabels < this.#key.labels) return false
    const { words, exact } = this.#reader
    if (this.#isStatic(exact)) return true
    const cell = subtreeCell(this.#reader, zoneCell(words, zone), this.#key)
    if (exact !== 0 && words[cell] === 0) return false // nothing is below it
    for (const entry of entriesAfter(this.#reader, cell)) if (this.#isStatic(entry)) return true
    return false
  }

  #cuts(entry: number, zone: number): boolean {
    if (entry === 0) return false
    const { words } = this.#reader
    const flags = entryFlags(words, entry)
    const isApex = nameLength(words, entry) === nameLength(words, zone)
    return (flags & HAS_DNAME) !== 0 || (!isApex && (flags & HAS_NS) !== 0)
  }

  #isStatic(entry: number): boolean {
    return entry !== 0 && (entryFlags(this.#reader.words, entry) & HAS_STATIC) !== 0
  }
}
