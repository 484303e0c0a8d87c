import { parseIpv6 } from '../../address/ipv6.ts'
import type { AddressPool, Resting } from '../../tunnel/address-pool.ts'
import type { BrokenRow, Tunnel } from '../../tunnel/tunnel.ts'
import type { RestingIndexes } from './resting-indexes.ts'
import { addressesOf, isBroken } from './row-rules.ts'

/** Which pool indexes are given out, free or at rest, in memory and in the database together. */
export class IndexAllocation {
  readonly #pool: AddressPool
  readonly #resting: RestingIndexes

  constructor(pool: AddressPool, resting: RestingIndexes) {
    this.#pool = pool
    this.#resting = resting
  }

  get capacity(): number {
    return this.#pool.capacity
  }

  /** An index that is free at `now` (seconds of the steady clock), and what it stands for; undefined: the pool is full. */
  take(now: number) {
    const index = this.#pool.take(now)
    return index === undefined ? undefined : { index, assignment: this.#pool.assignment(index) }
  }

  untake(index: number): void {
    this.#pool.untake(index)
  }

  /** Marks the indexes of a row as given out, of a broken one as far as its addresses can be read. */
  occupy(row: Tunnel | BrokenRow): void {
    if (!isBroken(row)) {
      this.#occupyAt(row.ipv6Client)
      return
    }
    for (const address of addressesOf(row)) this.#occupyAt(address)
  }

  /** Marks the index of a client address in text as given out, as at start for each dormant tunnel. */
  occupyText(ipv6Client: string): void {
    const address = parseIpv6(ipv6Client)
    if (address !== undefined) this.#occupyAt(address)
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
  writeResting(row: Tunnel | BrokenRow, now: number): readonly Resting[] {
    const freeFrom = this.#resting.freeFrom(now)
    const addresses = isBroken(row) ? addressesOf(row) : [row.ipv6Client]
    const indexes = new Set(addresses.map(address => this.#pool.indexOf(address)))
    const resting = [...indexes].flatMap(index => (index === undefined ? [] : { index, freeFrom }))
    for (const each of resting) this.#resting.add(each)
    return resting
  }

  rest(resting: readonly Resting[]): void {
    for (const each of resting) this.#pool.rest(each)
  }

  #occupyAt(address: Uint8Array): void {
    const index = this.#pool.indexOf(address)
    if (index !== undefined) this.#pool.occupy(index)
  }
}
