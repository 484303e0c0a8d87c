/** Builds the next version of the table in the arena. Nothing that it makes is seen before the arena publishes it. */
import { TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import type { Arena } from './arena.ts'
import type { NameKey } from './name-key.ts'
import { NameTable } from './name-table.ts'
import {
  entryWords,
  nameLength,
  readOwner,
  readRrsets,
  type StandingRrset,
  writeEntry,
  writeZone,
  zoneCell,
} from './owner-entry.ts'
import type { Rrset } from './rrset.ts'
import { ownerOf, type RrsetChange, typeOf } from './rrset-change.ts'
import { type ChangedZone, DifferenceLog } from './rrset-difference.ts'
import { assertName, assertRrset } from './rrset-limits.ts'
import type { Version } from './version.ts'

/** A zone that a commit changes. */
interface OpenZone {
  readonly apex: Uint8Array
  /** Of its trie in the next version. */
  readonly cell: number
  readonly log: DifferenceLog | undefined
}

interface ApplyOptions {
  readonly published: Version
  /** False: nobody asks for them. */
  readonly differences?: boolean
  /** Further changes that come with changes to these zones. */
  readonly following?: (apexes: readonly Uint8Array[]) => Iterable<RrsetChange>
}

export class TableWriter {
  readonly #arena: Arena
  readonly #table: NameTable
  readonly #key: NameKey

  /** `key` is that of the version that changes are checked against: its `zoneEntry` sets it for the writer. */
  constructor(arena: Arena, key: NameKey) {
    this.#arena = arena
    this.#table = new NameTable(arena, key)
    this.#key = key
  }

  /** The root of a table without zones. */
  emptyRoot(): number {
    return this.#newCell(0, 0)
  }

  /** The root that the next version grows from: a copy of the published one, which goes. */
  nextRoot(published: number): number {
    const { words } = this.#arena
    const root = this.#newCell(words[published] ?? 0, words[published + 1] ?? 0)
    this.#arena.release(published, 2)
    return root
  }

  /** Puts a zone in place of the one that is there; without rrsets it is one that failed to load. */
  putZone(root: number, apex: Uint8Array, rrsets: readonly Rrset[]): void {
    const old = this.#table.get(root, apex)
    if (old !== 0) this.#table.releaseAll(zoneCell(this.#arena.words, old))
    const zone = writeZone(this.#arena, apex)
    const cell = zoneCell(this.#arena.words, zone)
    for (const rrset of rrsets) {
      const entry = this.#table.get(cell, rrset.owner)
      this.#put(cell, entry, { rrset, isDynamic: false })
    }
    this.#table.put(root, zone)
  }

  /** Applies changes to the zones of `published`, one by one, and tells what they change. RangeError if one can't be made. */
  apply(root: number, changes: Iterable<RrsetChange>, options: ApplyOptions): readonly ChangedZone[] {
    const zones = new Map<number, OpenZone>()
    for (const change of changes) this.#applyOne(root, change, zones, options)
    if (options.following !== undefined) {
      const apexes = Array.from(zones.values(), ({ apex }) => apex)
      for (const change of options.following(apexes)) this.#applyOne(root, change, zones, options)
    }
    return Array.from(zones.values(), ({ apex, log }) => ({ apex, differences: log?.differences() ?? [] }))
  }

  #applyOne(root: number, change: RrsetChange, zones: Map<number, OpenZone>, options: ApplyOptions): void {
    const owner = ownerOf(change)
    const entryOfZone = this.#checkedZone(options.published, change)
    let zone = zones.get(entryOfZone)
    if (zone === undefined) {
      zone = this.#openZone(root, entryOfZone, options)
      zones.set(entryOfZone, zone)
      this.#key.set(owner, 0)
    }
    const entry = this.#table.getKeyed(zone.cell, owner)
    if (change.kind === 'put') {
      const before = this.#put(zone.cell, entry, { rrset: change.rrset, isDynamic: change.dynamic === true })
      zone.log?.note(owner, typeOf(change), before, change.rrset)
    } else {
      const before = this.#remove(zone.cell, entry, change.type)
      zone.log?.note(owner, typeOf(change), before, undefined)
    }
  }

  /** The zone's entry in the published version; the key is the owner's then. */
  #checkedZone(published: Version, change: RrsetChange): number {
    if (change.kind === 'put') assertRrset(change.rrset)
    else assertName(change.owner)
    const owner = ownerOf(change)
    const zone = published.zoneEntry(owner)
    if (zone === 0) throw new RangeError(`${formatName(owner)} lies in no zone that is served`)
    const takesSoa = change.kind === 'remove' && change.type === TYPE.SOA
    if (takesSoa && nameLength(this.#arena.words, zone) === owner.length)
      throw new RangeError(`${formatName(owner)} keeps its SOA`)
    return zone
  }

  /** Puts in place of a zone's entry a copy that this change may write. */
  #openZone(root: number, zone: number, { differences }: ApplyOptions): OpenZone {
    const apex = readOwner(this.#arena, zone)
    const length = entryWords(this.#arena.words, zone)
    const copy = this.#arena.allocate(length)
    this.#arena.words.copyWithin(copy, zone, zone + length)
    this.#table.put(root, copy)
    const log = differences === false ? undefined : new DifferenceLog()
    return { apex, cell: zoneCell(this.#arena.words, copy), log }
  }

  /** Straight after the table was asked for the owner's entry (0: none). Returns what stood there of that type. */
  #put(cell: number, entry: number, put: StandingRrset): Rrset | undefined {
    if (entry === 0) {
      this.#table.putSought(cell, writeEntry(this.#arena, put.rrset.owner, [put]))
      return undefined
    }
    const standing = readRrsets(this.#arena, entry)
    const before = standing.find(({ rrset }) => rrset.type === put.rrset.type)
    if (before !== undefined && put.isDynamic && !before.isDynamic)
      throw new RangeError(`${formatName(put.rrset.owner)} has static records of type ${put.rrset.type}`)
    const now = [...standing.filter(each => each !== before), put].sort(byType)
    this.#table.putSought(cell, writeEntry(this.#arena, readOwner(this.#arena, entry), now))
    return before?.rrset
  }

  /** Straight after the table was asked for the owner's entry (0: none). Returns what stood there of that type. */
  #remove(cell: number, entry: number, type: number): Rrset | undefined {
    if (entry === 0) return undefined
    const standing = readRrsets(this.#arena, entry)
    const before = standing.find(({ rrset }) => rrset.type === type)
    if (before === undefined) return undefined
    const rest = standing.filter(each => each !== before)
    if (rest.length === 0) this.#table.removeSought(cell, entry)
    else this.#table.putSought(cell, writeEntry(this.#arena, readOwner(this.#arena, entry), rest))
    return before.rrset
  }

  #newCell(head: number, below: number): number {
    const cell = this.#arena.allocate(2)
    this.#arena.words[cell] = head
    this.#arena.words[cell + 1] = below
    return cell
  }
}

function byType(a: StandingRrset, b: StandingRrset): number {
  return a.rrset.type - b.rrset.type
}
