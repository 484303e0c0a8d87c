/** All zones that are served, in one shared buffer: one writer, any number of lock-free readers. */
import { TYPE } from '../wire/codes.ts'
import { formatName, lowerCaseName } from '../wire/name.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import { Arena } from './arena.ts'
import { NameKey } from './name-key.ts'
import { NameTable } from './name-table.ts'
import {
  entryFlags,
  entryWords,
  findRrset,
  HAS_DNAME,
  HAS_NS,
  isRrset,
  readOwner,
  readRrset,
  readRrsets,
  rrsetCount,
  writeEntry,
  writeZone,
  zoneCell,
} from './owner-entry.ts'
import type { Rrset } from './rrset.ts'
import { assertName, assertRrset } from './rrset-limits.ts'
import { TableReader } from './table-reader.ts'
import { entriesAfter } from './walk.ts'

/** One step of a commit. */
export type RrsetChange =
  /** Replaces the rrset of that owner and type. */
  | { readonly kind: 'put'; readonly rrset: Rrset }
  | { readonly kind: 'remove'; readonly owner: Uint8Array; readonly type: number }

/**
 *     root cell ── trie of apexes ── entry of freenet6.net ─────── trie of its owners ── entries
 *                                └── entry of 6.f.0…ip6.arpa ──── trie of its owners ── entries
 *
 * Each zone has a trie of its own, so nothing of a parent shows in a served child. One root covers all: a commit that
 * touches two zones is seen in both or in none.
 */
export class Catalog {
  readonly #arena: Arena
  readonly #table: NameTable
  readonly #reader: TableReader
  readonly #key = new NameKey()

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#arena = new Arena(options.maxBytes)
    this.#table = new NameTable(this.#arena, this.#key)
    this.#reader = new TableReader(this.#arena.buffer)
    this.#publish(this.#newCell(0, 0))
  }

  /** What readers, in this thread or another, are made from. */
  get buffer(): SharedArrayBuffer {
    return this.#arena.buffer
  }

  /** Bytes of live data, and bytes that the buffer has taken from the system. */
  memory(): { readonly used: number; readonly touched: number } {
    return { used: this.#arena.usedBytes, touched: this.#arena.touchedBytes }
  }

  /** Adds or replaces a whole zone, atomically. RangeError where there is no SOA at the apex or data lie outside. */
  putZone(apex: Uint8Array, rrsets: Iterable<Rrset>): void {
    const all = [...rrsets]
    const lowered = lowerCaseName(apex)
    let soa = 0
    for (const rrset of all) {
      assertRrset(rrset)
      if (!isAtOrBelow(rrset.owner, 0, lowered, 0))
        throw new RangeError(`${formatName(rrset.owner)} is outside ${formatName(apex)}`)
      if (rrset.type === TYPE.SOA && rrset.owner.length === apex.length) soa++
    }
    if (soa !== 1) throw new RangeError(`${formatName(apex)} needs one SOA, not ${soa}`)

    this.#atomically(root => {
      const old = this.#table.get(root, lowered)
      if (old !== 0) this.#table.releaseAll(zoneCell(this.#arena.words, old))
      const zone = writeZone(this.#arena, lowered)
      const cell = zoneCell(this.#arena.words, zone)
      for (const rrset of all) this.#putRrset(cell, rrset, this.#table.get(cell, rrset.owner))
      this.#table.put(root, zone)
    })
  }

  /**
   * Claims a zone that could not be loaded: its names are answered with SERVFAIL, and not from a parent's data. A zone
   * that is already served stays as it is.
   */
  putFailedZone(apex: Uint8Array): void {
    assertName(apex)
    const lowered = lowerCaseName(apex)
    if (this.#table.get(this.#currentRoot(), lowered) !== 0) return
    this.#atomically(root => this.#table.put(root, writeZone(this.#arena, lowered)))
  }

  /**
   * Applies all changes in one step that every reader sees whole. RangeError, and nothing changed, where an owner lies
   * in no served zone or a value does not fit the protocol. Changes are taken one by one: millions need not be there
   * together.
   */
  commit(changes: Iterable<RrsetChange>): void {
    this.#atomically(root => {
      const cells = new Map<number, number>()
      for (const change of changes) {
        const zone = this.#checkedZone(change)
        const owner = ownerOf(change)
        let cell = cells.get(zone)
        if (cell === undefined) {
          cell = this.#openZone(root, zone)
          cells.set(zone, cell)
          this.#key.set(owner, 0)
        }
        const entry = this.#table.getKeyed(cell, owner)
        if (change.kind === 'put') this.#putRrset(cell, change.rrset, entry)
        else this.#removeRrset(cell, change.type, entry)
      }
    })
  }

  /** Apexes served, in wire form and lower case, in canonical order. */
  apexes(): readonly Uint8Array[] {
    this.#reader.refresh()
    return [...entriesAfter(this.#reader, this.#reader.root)]
      .filter(zone => this.#isLoaded(zone))
      .map(zone => readOwner(this.#arena, zone))
  }

  /** Apex of the served zone that the name belongs to: the longest match. */
  zoneOf(name: Uint8Array): Uint8Array | undefined {
    const zone = this.#zoneEntry(name)
    return zone === 0 ? undefined : readOwner(this.#arena, zone)
  }

  /** Exactly this owner and type: no wildcard, no chase. */
  rrset(owner: Uint8Array, type: number): Rrset | undefined {
    if (!this.#findOwner(owner) || this.#reader.exact === 0) return undefined
    const entry = this.#reader.exact
    const rrset = findRrset(this.#arena.words, this.#arena.octets, entry, type)
    return rrset === 0 ? undefined : readRrset(this.#arena, entry, rrset)
  }

  /** Is the owner's rrset of that type exactly this one? Compared where it lies. */
  holds(rrset: Rrset): boolean {
    if (!this.#findOwner(rrset.owner) || this.#reader.exact === 0) return false
    const { words, octets } = this.#arena
    const at = findRrset(words, octets, this.#reader.exact, rrset.type)
    return at !== 0 && isRrset(octets, at, rrset)
  }

  /** Does the owner hold any data, or is it an empty non-terminal? */
  hasName(owner: Uint8Array): boolean {
    return this.#findOwner(owner) && this.#reader.encloserLabels === this.#key.labels
  }

  /** Is there an NS below the apex or a DNAME at the name or above it, so that data put there would be occluded? */
  isOccluded(name: Uint8Array): boolean {
    const zone = this.#zoneEntry(name)
    if (zone === 0) return false
    const apex = readOwner(this.#arena, zone)
    this.#findOwner(name)
    if (this.#cuts(this.#reader.exact, name.length === apex.length)) return true
    for (let i = 0; i < this.#reader.ancestors; i++) {
      const entry = this.#reader.ancestorEntries[i] ?? 0
      if (this.#cuts(entry, readOwner(this.#arena, entry).length === apex.length)) return true
    }
    return false
  }

  /**
   * Rrsets of a zone in canonical order, strictly after the owner `after`: owners whole, so the result may be a little
   * longer than `limit`. Empty at the end, or where the zone is not served.
   */
  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[] {
    const zone = this.#table.get(this.#currentRoot(), apex)
    if (zone === 0) return []
    const rrsets: Rrset[] = []
    for (const entry of entriesAfter(this.#reader, zoneCell(this.#arena.words, zone), after)) {
      rrsets.push(...readRrsets(this.#arena, entry))
      if (rrsets.length >= limit) break
    }
    return rrsets
  }

  /** How many rrsets the next owners hold after `after`, and where the count went on to; undefined: to the end. */
  countAfter(
    apex: Uint8Array,
    after: Uint8Array | undefined,
    owners: number,
  ): { readonly rrsets: number; readonly last: Uint8Array | undefined } {
    const zone = this.#table.get(this.#currentRoot(), apex)
    if (zone === 0) return { rrsets: 0, last: undefined }
    let rrsets = 0
    let left = owners
    for (const entry of entriesAfter(this.#reader, zoneCell(this.#arena.words, zone), after)) {
      rrsets += rrsetCount(this.#arena.words, entry)
      if (--left === 0) return { rrsets, last: readOwner(this.#arena, entry) }
    }
    return { rrsets, last: undefined }
  }

  /** Builds the next version on a copy of the root's cell, and publishes it whole, or leaves everything as it was. */
  #atomically(change: (root: number) => void): void {
    const old = this.#currentRoot()
    const words = this.#arena.words
    const root = this.#newCell(words[old] ?? 0, words[old + 1] ?? 0)
    this.#arena.release(old, 2)
    try {
      change(root)
    } catch (error) {
      this.#arena.abandon()
      throw error
    }
    this.#publish(root)
  }

  #publish(root: number): void {
    this.#arena.publish(root)
    this.#arena.reclaim()
  }

  #newCell(head: number, below: number): number {
    const cell = this.#arena.allocate(2)
    this.#arena.words[cell] = head
    this.#arena.words[cell + 1] = below
    return cell
  }

  #currentRoot(): number {
    this.#reader.refresh()
    return this.#reader.root
  }

  /** The entry of the zone that a change is for; the key is its owner's then. RangeError where it can not be made. */
  #checkedZone(change: RrsetChange): number {
    if (change.kind === 'put') assertRrset(change.rrset)
    else assertName(change.owner)
    const owner = ownerOf(change)
    const zone = this.#zoneEntry(owner)
    if (zone === 0) throw new RangeError(`${formatName(owner)} lies in no zone that is served`)
    const takesSoa = change.kind === 'remove' && change.type === TYPE.SOA
    if (takesSoa && this.#reader.exact === zone) throw new RangeError(`${formatName(owner)} keeps its SOA`)
    return zone
  }

  /** The cell of a zone's trie in an entry that this commit may write. */
  #openZone(root: number, zone: number): number {
    const length = entryWords(this.#arena.words, zone)
    const copy = this.#arena.allocate(length)
    this.#arena.words.copyWithin(copy, zone, zone + length)
    this.#table.put(root, copy)
    return zoneCell(this.#arena.words, copy)
  }

  /** Straight after the table was asked for the owner's entry: 0 where there is none. */
  #putRrset(cell: number, rrset: Rrset, entry: number): void {
    if (entry === 0) {
      this.#table.putSought(cell, writeEntry(this.#arena, rrset.owner, [rrset]))
      return
    }
    const rrsets = readRrsets(this.#arena, entry).filter(({ type }) => type !== rrset.type)
    const owner = readOwner(this.#arena, entry)
    this.#table.putSought(cell, writeEntry(this.#arena, owner, [...rrsets, rrset].sort(byType)))
  }

  /** Straight after the table was asked for the owner's entry: 0 where there is none. */
  #removeRrset(cell: number, type: number, entry: number): void {
    if (entry === 0) return
    const before = readRrsets(this.#arena, entry)
    const rrsets = before.filter(rrset => rrset.type !== type)
    if (rrsets.length === before.length) return
    if (rrsets.length === 0) this.#table.removeSought(cell, entry)
    else this.#table.putSought(cell, writeEntry(this.#arena, readOwner(this.#arena, entry), rrsets))
  }

  /** Entry of the zone that the name belongs to, 0 where it is none of ours or one that failed to load. */
  #zoneEntry(name: Uint8Array): number {
    this.#key.set(name, 0)
    const zone = this.#longestMatch(this.#currentRoot(), name)
    return this.#isLoaded(zone) ? zone : 0
  }

  #isLoaded(zone: number): boolean {
    return zone !== 0 && (this.#arena.words[zoneCell(this.#arena.words, zone) + 1] ?? 0) !== 0
  }

  #longestMatch(root: number, name: Uint8Array): number {
    const reader = this.#reader
    reader.refresh()
    reader.find(root, this.#key, name, 0)
    if (reader.exact !== 0) return reader.exact
    return reader.ancestors === 0 ? 0 : (reader.ancestorEntries[reader.ancestors - 1] ?? 0)
  }

  #findOwner(owner: Uint8Array): boolean {
    const zone = this.#zoneEntry(owner)
    if (zone === 0) return false
    this.#reader.find(zoneCell(this.#arena.words, zone), this.#key, owner, 0)
    return true
  }

  #cuts(entry: number, atApex: boolean): boolean {
    if (entry === 0) return false
    const flags = entryFlags(this.#arena.words, entry)
    return (flags & HAS_DNAME) !== 0 || (!atApex && (flags & HAS_NS) !== 0)
  }
}

function byType(a: Rrset, b: Rrset): number {
  return a.type - b.type
}

function ownerOf(change: RrsetChange): Uint8Array {
  return change.kind === 'put' ? change.rrset.owner : change.owner
}
