import type { AddressPool } from '../../tunnel/address-pool.ts'
import type { IndexPool, Resting } from '../../tunnel/index-pool.ts'
import type { RoutedPool } from '../../tunnel/routed-pool.ts'
import type { BrokenRow, Tunnel } from '../../tunnel/tunnel.ts'
import type { RestingIndexes } from './resting-indexes.ts'
import { addressesOf, isBroken, routedPrefixIn } from './row-rules.ts'

/** What a row has of the pools. */
export type Given = Pick<Tunnel, 'ipv6Client' | 'device' | 'routedPrefix'>

/** Which indexes of a pool are given out, free or at rest, in memory and in the database together. */
export class IndexAllocation<Assignment> {
  readonly #pool: IndexPool & { assignment(index: number): Assignment }
  readonly #resting: RestingIndexes
  readonly #indexesOf: (row: Given | BrokenRow) => readonly number[]

  /** `indexesOf` tells what a row has of the pool, a broken one as far as it can be read. */
  constructor(
    pool: IndexPool & { assignment(index: number): Assignment },
    resting: RestingIndexes,
    indexesOf: (row: Given | BrokenRow) => readonly number[],
  ) {
    this.#pool = pool
    this.#resting = resting
    this.#indexesOf = indexesOf
  }

  get capacity(): number {
    return this.#pool.capacity
  }

  /** An index that is free at `now` (seconds of the steady clock), and what it stands for; undefined: the pool is full. */
  take(now: number): { readonly index: number; readonly assignment: Assignment } | undefined {
    const index = this.#pool.take(now)
    return index === undefined ? undefined : { index, assignment: this.#pool.assignment(index) }
  }

  untake(index: number): void {
    this.#pool.untake(index)
  }

  /** Marks the indexes of a row as given out. */
  occupy(row: Given | BrokenRow): void {
    for (const index of this.#indexesOf(row)) this.#pool.occupy(index)
  }

  /** Marks the indexes of a row as free, without a rest. */
  release(row: Given | BrokenRow): void {
    for (const index of this.#indexesOf(row)) this.#pool.untake(index)
  }

  /** Reads the indexes at rest from the database, as at start. */
  loadResting(now: number): void {
    for (const resting of this.#resting.load(now)) this.#pool.rest(resting)
  }

  /** Deletes from the database, inside a transaction, what `loadResting` does not read. */
  forgetRested(now: number): void {
    this.#resting.forgetRested(now)
  }

  /** Writes down that the indexes of a row rest from `now` on; `rest` is to follow the commit. */
  writeResting(row: Given | BrokenRow, now: number): readonly Resting[] {
    const freeFrom = this.#resting.freeFrom(now)
    const resting = this.#indexesOf(row).map(index => ({ index, freeFrom }))
    for (const each of resting) this.#resting.add(each)
    return resting
  }

  /** Puts to rest what no row has any more, because another program has deleted it; returns how many indexes that are. */
  restLost(rows: Iterable<Given | BrokenRow>, now: number): number {
    return this.#pool.restAllBut(this.#heldBy(rows), this.#resting.freeFrom(now))
  }

  *#heldBy(rows: Iterable<Given | BrokenRow>): Generator<number> {
    for (const row of rows) yield* this.#indexesOf(row)
  }

  rest(resting: readonly Resting[]): void {
    for (const each of resting) this.#pool.rest(each)
  }
}

/**
 * The links' /64s. A row that was made under another prefix may have the device of one index and the addresses of another,
 * or of none.
 */
export function linkAllocation(pool: AddressPool, resting: RestingIndexes) {
  return new IndexAllocation(pool, resting, row => {
    const addresses = isBroken(row) ? addressesOf(row) : [row.ipv6Client]
    const indexes = new Set(addresses.map(address => pool.indexOf(address)))
    indexes.add(pool.indexOfDevice(isBroken(row) ? (row.columns.device ?? '') : row.device))
    return [...indexes].filter(index => index !== undefined)
  })
}

/** The prefixes that are routed to tunnels. */
export function routedAllocation(pool: RoutedPool, resting: RestingIndexes) {
  return new IndexAllocation(pool, resting, row => {
    const prefix = isBroken(row) ? routedPrefixIn(row.columns.routed_prefix) : row.routedPrefix
    const index = prefix ? pool.indexOf(prefix) : undefined
    return index === undefined ? [] : [index]
  })
}
