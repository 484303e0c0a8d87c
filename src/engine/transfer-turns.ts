/** How many transfers go on at a time, and who is next. */

/** Transfers at a time in all, and to one address: each holds a version of the table. */
export const MAX_TRANSFERS = 10
export const MAX_TRANSFERS_AN_ADDRESS = 2
/**
 * Transfers that wait for their turn, in all and of one address. A secondary that is new asks for all its zones at once
 * (NSD over 128 connections), and one that is refused may not ask again for a quarter of an hour (YADIFA).
 */
const MAX_WAITING = 512
export const MAX_WAITING_AN_ADDRESS = 128

interface Waiting {
  readonly address: string
  readonly start: () => void
}

export class TransferTurns {
  readonly #open = new Map<string, number>()
  /** First come, first served, as far as its address has no more than its share. */
  readonly #waiting = new Set<Waiting>()
  #count = 0

  /** Begins a transfer to the address, which `end` ends; false: it is one too many. */
  begin(address: string): boolean {
    const ofAddress = this.#open.get(address) ?? 0
    if (this.#count >= MAX_TRANSFERS || ofAddress >= MAX_TRANSFERS_AN_ADDRESS) return false
    this.#count++
    this.#open.set(address, ofAddress + 1)
    return true
  }

  end(address: string): void {
    this.#count--
    const ofAddress = (this.#open.get(address) ?? 0) - 1
    if (ofAddress > 0) this.#open.set(address, ofAddress)
    else this.#open.delete(address)
    for (const waiting of this.#waiting) {
      if (this.#count >= MAX_TRANSFERS) return
      if (!this.begin(waiting.address)) continue
      this.#waiting.delete(waiting)
      waiting.start()
    }
  }

  /** Has `start` called when a transfer to the address has begun. Returns how to withdraw; undefined: too many wait. */
  wait(address: string, start: () => void): (() => void) | undefined {
    if (this.#waiting.size >= MAX_WAITING || this.#waitingOf(address) >= MAX_WAITING_AN_ADDRESS)
      return undefined
    const waiting = { address, start }
    this.#waiting.add(waiting)
    return () => this.#waiting.delete(waiting)
  }

  #waitingOf(address: string): number {
    let count = 0
    for (const waiting of this.#waiting) if (waiting.address === address) count++
    return count
  }
}
