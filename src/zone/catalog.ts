/** All zones that are served, in one shared buffer: one writer, any number of lock-free readers. */
import { TYPE } from '../wire/codes.ts'
import { formatName, lowerCaseName } from '../wire/name.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import { Arena } from './arena.ts'
import { HeldVersions } from './held-versions.ts'
import { NameKey } from './name-key.ts'
import { PreparedCommit } from './prepared-commit.ts'
import type { Rrset } from './rrset.ts'
import type { RrsetChange } from './rrset-change.ts'
import type { ChangedZone, RrsetDifference } from './rrset-difference.ts'
import { assertName, assertRrset } from './rrset-limits.ts'
import type { Snapshot } from './snapshot.ts'
import { CommitUnderWay, TableFull } from './table-fault.ts'
import { TableReader } from './table-reader.ts'
import { TableWriter } from './table-writer.ts'
import { type DynamicSlice, type RrsetCount, type Standing, Version } from './version.ts'

export type { RrsetChange }

export interface CommitOptions {
  /** False: no list of differences is kept, for millions of changes that nobody asks about. */
  readonly differences?: boolean
  /** Further changes that come with changes to these zones, their apexes in wire form and lower case. May be asked again. */
  readonly following?: (apexes: readonly Uint8Array[]) => Iterable<RrsetChange>
}

/**
 *     root cell ── trie of apexes ── entry of freenet6.net ─────── trie of its owners ── entries
 *                                └── entry of 6.f.0…ip6.arpa ──── trie of its owners ── entries
 *
 * Each zone has a trie of its own, so nothing of a parent shows in a served child. One root covers all: a commit that
 * touches two zones is seen in both or in none.
 */
export class Catalog {
  readonly #arena: Arena
  readonly #reader: TableReader
  readonly #published: Version
  readonly #writer: TableWriter
  readonly #held = new HeldVersions()
  #isChanging = false

  constructor(options: { readonly maxBytes?: number } = {}) {
    const key = new NameKey()
    this.#arena = new Arena(options.maxBytes)
    this.#writer = new TableWriter(this.#arena, key)
    this.#arena.publish(this.#writer.emptyRoot())
    this.#reader = new TableReader(this.#arena.buffer)
    this.#published = new Version(this.#reader, key)
  }

  /** What readers, in this thread or another, are made from. */
  get buffer(): SharedArrayBuffer {
    return this.#arena.buffer
  }

  /** Bytes of live data and bytes that the buffer has taken from the system; snapshots that keep what was replaced. */
  memory(): { readonly used: number; readonly touched: number; readonly heldVersions: number } {
    const { usedBytes, touchedBytes } = this.#arena
    return { used: usedBytes, touched: touchedBytes, heldVersions: this.#held.count }
  }

  /**
   * Adds or replaces a whole zone, atomically; all its records are static. RangeError if there is no SOA at the apex or
   * data lie outside; TableFull.
   */
  putZone(apex: Uint8Array, rrsets: Iterable<Rrset>): void {
    const all = [...rrsets]
    const lowered = lowerCaseName(apex)
    assertZone(lowered, all)
    this.#publish(this.#build(root => this.#writer.putZone(root, lowered, all)))
  }

  /**
   * Claims a zone that could not be loaded: its names are answered with SERVFAIL, and not from a parent's data. A zone
   * that is already served stays as it is.
   */
  putFailedZone(apex: Uint8Array): void {
    assertName(apex)
    const lowered = lowerCaseName(apex)
    if (this.#newest().apexEntry(lowered) !== 0) return
    this.#publish(this.#build(root => this.#writer.putZone(root, lowered, [])))
  }

  /**
   * Builds the next version aside: nothing can fail between this and `publish`. Changes are taken one by one, so
   * millions need not be there together. One commit may be prepared at a time: CommitUnderWay.
   *
   * RangeError if an owner lies in no served zone, a value does not fit the protocol, or a dynamic rrset would replace a
   * static one; TableFull. Everything stays as it was then, but that TableFull may have cost snapshots.
   */
  prepare(changes: Iterable<RrsetChange>, options: CommitOptions = {}): PreparedCommit {
    let zones: readonly ChangedZone[] = []
    let isTakenOnce = false
    const root = this.#build(next => {
      if (isTakenOnce && isUsedUp(changes)) throw new TableFull(this.#arena.buffer.maxByteLength)
      isTakenOnce = true
      zones = this.#writer.apply(next, changes, { published: this.#newest(), ...options })
    })
    return new PreparedCommit(zones, {
      publish: () => this.#publish(root),
      abandon: () => this.#abandon(),
    })
  }

  /** Applies all changes in one step that every reader sees whole: `prepare` and `publish`. */
  commit(changes: Iterable<RrsetChange>, options: CommitOptions = {}): readonly RrsetDifference[] {
    const prepared = this.prepare(changes, options)
    prepared.publish()
    return prepared.differences
  }

  /** Holds the newest published version, until it is released. Throws TooManySnapshots. */
  snapshot(): Snapshot {
    const reader = new TableReader(this.#arena.buffer)
    return this.#held.hold(new Version(reader), reader.generation())
  }

  /** See `Version.apexes`. */
  apexes(): readonly Uint8Array[] {
    return this.#newest().apexes()
  }

  /** See `Version.claimedApexes`. */
  claimedApexes(): readonly Uint8Array[] {
    return this.#newest().claimedApexes()
  }

  /** See `Version.apexOf`; this and all below read the newest published version. */
  apexOf(name: Uint8Array): Uint8Array | undefined {
    return this.#newest().apexOf(name)
  }

  /** See `Version.rrset`. */
  rrset(owner: Uint8Array, type: number): Rrset | undefined {
    return this.#newest().rrset(owner, type)
  }

  /** See `Version.holds`. */
  holds(rrset: Rrset): boolean {
    return this.#newest().holds(rrset)
  }

  /** See `Version.standing`. */
  standing(rrset: Rrset): Standing {
    return this.#newest().standing(rrset)
  }

  /** See `Version.isReserved`. */
  isReserved(name: Uint8Array): boolean {
    return this.#newest().isReserved(name)
  }

  /** See `Version.walk`. */
  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[] {
    return this.#newest().walk(apex, after, limit)
  }

  /** See `Version.dynamicAfter`. */
  dynamicAfter(apex: Uint8Array, after: Uint8Array | undefined, owners: number): DynamicSlice {
    return this.#newest().dynamicAfter(apex, after, owners)
  }

  /** See `Version.countAfter`. */
  countAfter(apex: Uint8Array, after: Uint8Array | undefined, owners: number): RrsetCount {
    return this.#newest().countAfter(apex, after, owners)
  }

  #newest(): Version {
    this.#reader.refresh()
    return this.#published
  }

  /** Builds the next root, and once more for as long as TableFull finds memory to win back. */
  #build(change: (root: number) => void): number {
    for (;;) {
      try {
        return this.#buildOnce(change)
      } catch (error) {
        if (!(error instanceof TableFull) || !this.#winBack()) throw error
      }
    }
  }

  /**
   * Reclaims what no reader stands on any more, and if that is nothing releases snapshots, the oldest first, until it is
   * something: a secondary that reads slowly must not keep tunnels from being registered. False: there is nothing.
   */
  #winBack(): boolean {
    const full = this.#arena.usedBytes
    do this.#arena.reclaim(this.#held.oldest())
    while (this.#arena.usedBytes === full && this.#held.releaseOldest())
    return this.#arena.usedBytes < full
  }

  /** Lets `change` write on a copy of the published root; gives all back if it throws. */
  #buildOnce(change: (root: number) => void): number {
    if (this.#isChanging) throw new CommitUnderWay()
    this.#isChanging = true
    try {
      this.#reader.refresh()
      const root = this.#writer.nextRoot(this.#reader.root)
      change(root)
      return root
    } catch (error) {
      this.#abandon()
      throw error
    }
  }

  #publish(root: number): void {
    this.#arena.publish(root)
    this.#held.expire(this.#reader.generation())
    this.#arena.reclaim(this.#held.oldest())
    this.#isChanging = false
  }

  #abandon(): void {
    this.#arena.abandon()
    this.#isChanging = false
  }
}

/** A generator gives its changes once. */
function isUsedUp(changes: Iterable<RrsetChange>): boolean {
  const iterator: unknown = changes[Symbol.iterator]()
  return iterator === changes
}

function assertZone(apex: Uint8Array, rrsets: readonly Rrset[]): void {
  let soa = 0
  for (const rrset of rrsets) {
    assertRrset(rrset)
    if (!isAtOrBelow(rrset.owner, 0, apex, 0))
      throw new RangeError(`${formatName(rrset.owner)} is outside ${formatName(apex)}`)
    if (rrset.type === TYPE.SOA && rrset.owner.length === apex.length) soa++
  }
  if (soa !== 1) throw new RangeError(`${formatName(apex)} needs one SOA, not ${soa}`)
}
