import type { Notice } from '../store/notice.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction } from '../store/tunnel-transaction.ts'
import { canBeWarned, isSameTarget, type Way, type WayName } from '../tunnel/contact.ts'

/** The notices to owners, until each was taken or is given up. What writes is a commit, and rejects as one does. */
export class Notices {
  readonly #store: TunnelStore
  readonly #steady: () => number

  constructor(parts: {
    readonly store: TunnelStore
    /** Seconds of the steady clock. */
    readonly steady: () => number
  }) {
    this.#store = parts.store
    this.#steady = parts.steady
  }

  /** Notices of a way that are due now, at most `limit`. */
  due(way: WayName, limit: number): readonly Notice[] {
    return this.#store.tunnels.notices.due(way, this.#steady(), limit)
  }

  /** How long ago a notice was made, in seconds; less than 0 if the clock was set back while nobody served. */
  ageOf({ made }: Pick<Notice, 'made'>): number {
    return this.#steady() - made
  }

  /** Forgets a notice that the other side has taken, or wants none of (`isTold`); or one that is told to nobody. */
  drop(number: number, { isTold }: { readonly isTold: boolean }): Promise<void> {
    return this.#do(transaction => transaction.dropNotice(number, isTold))
  }

  /** Has a notice that can't be told now, through no fault of the way, wait for `seconds`. */
  defer({ number }: Pick<Notice, 'number'>, seconds: number): Promise<void> {
    return this.#do(transaction => transaction.deferNotice(number, this.#steady() + seconds))
  }

  /** Notes that a notice could not be handed over; it is tried again after `seconds`. */
  postpone(notice: Pick<Notice, 'number'>, seconds: number): Promise<void> {
    return this.#do(transaction => transaction.postponeNotice(notice, this.#steady() + seconds))
  }

  /** Whether the owner of a dormant tunnel is still to be told that its end is near, and no notice waits that says so. */
  isToBeWarned(id: string): boolean {
    return sleepToWarnOf(id, this.#store.tunnels) !== undefined
  }

  /** Tells the owner of a dormant tunnel that its end is near, if nobody has said so yet, or is about to. */
  warnOfEnd(id: string): Promise<void> {
    return this.#do(transaction => {
      const since = sleepToWarnOf(id, transaction.tunnels)
      if (since !== undefined) transaction.notify(id, 'ending', since)
    })
  }

  #do(write: (transaction: TunnelTransaction) => void): Promise<void> {
    return this.#store.commit(transaction => ({ outcome: write(transaction), changes: [] }))
  }
}

/** The `since` of a dormant tunnel's sleep if its owner is to be warned of its end by a way for which no warning waits. */
function sleepToWarnOf(id: string, tunnels: TunnelReader): number | undefined {
  const since = tunnels.dormant.byId(id)?.dormant.since
  const contact = tunnels.contactOf(id)
  if (since === undefined || !canBeWarned(contact) || contact.warnedOf === since) return undefined
  const confirmed = contact.ways.filter(({ isConfirmed }) => isConfirmed)
  const waiting = tunnels.notices.of(id).filter(one => one.occasion === 'ending' && one.since === since)
  const isWaitedFor = ({ kind, target }: Way) =>
    waiting.some(one => one.way === kind && isSameTarget(kind, one.target, target))
  return confirmed.every(isWaitedFor) ? undefined : since
}
