import { monotonicSeconds } from '../shared/clock.ts'
import type { Octets } from '../tunnel/interface.ts'
import type { HistoryRecord } from './history-record.ts'
import { type LastRound, lastRoundOf } from './last-round.ts'
import { type Bucket, SPANS, type Span, TunnelHistory } from './tunnel-history.ts'

/** Tunnels that are remembered, 2.3 KB each at most; beyond, those that were heard of the longest ago are forgotten. */
const MAX_TUNNELS = 50_000
/** Nothing of a tunnel is shown for longer than this. */
const FORGOTTEN_AFTER = SPANS.month.step * SPANS.month.count

/** What a monitor round has found, by id. */
export interface ObservedRound {
  /** Milliseconds of each that answered; 0: it was heard otherwise, and nothing was timed. */
  readonly answered: ReadonlyMap<string, number>
  readonly silent: readonly string[]
}

/**
 * How tunnels have fared in the last hour, day and month: round-trip times, losses and traffic, in memory. `HistoryFile`
 * keeps them over a restart. They tell an owner why something was slow, and nothing is decided by them.
 */
export class History {
  readonly #now: () => number
  readonly #maxTunnels: number
  #lastRound: LastRound | undefined
  /** The one that was noted the longest ago first. */
  readonly #tunnels = new Map<string, TunnelHistory>()

  /** `now`: seconds since some moment, of a clock that nobody sets. */
  constructor(options: { readonly now?: () => number; readonly maxTunnels?: number } = {}) {
    this.#now = options.now ?? monotonicSeconds
    this.#maxTunnels = options.maxTunnels ?? MAX_TUNNELS
  }

  /** Notes what a round has found. */
  record({ answered, silent }: ObservedRound): void {
    const now = this.#now()
    this.#lastRound = lastRoundOf({ answered, silent })
    for (const [id, roundTripMs] of answered) this.#of(id, now).answered(now, roundTripMs)
    for (const id of silent) this.#of(id, now).silent(now)
    this.#forget(now)
  }

  /** Notes what has passed tunnels since they were last counted. */
  recordOctets(counts: ReadonlyMap<string, Octets>): void {
    const now = this.#now()
    for (const [id, octets] of counts) this.#tunnels.get(id)?.octets(now, octets)
  }

  /** What is known of a tunnel, the oldest first, with `undefined` for times of which nothing is; empty: nothing at all. */
  of(id: string, span: Span): readonly (Bucket | undefined)[] {
    return this.#tunnels.get(id)?.buckets(span, this.#now()) ?? []
  }

  /** Undefined: no round has been recorded. */
  get lastRound(): LastRound | undefined {
    return this.#lastRound
  }

  /** The ids of all, the one that was noted the longest ago first. */
  ids(): readonly string[] {
    return [...this.#tunnels.keys()]
  }

  /** What is kept of a tunnel in a file; undefined: it has been forgotten meanwhile. */
  recordOf(id: string): HistoryRecord | undefined {
    const history = this.#tunnels.get(id)
    return history && { id, history }
  }

  /** Takes back what a file has kept, in its order. What was noted since the start, a moment ago, gives way to it. */
  restore(records: readonly HistoryRecord[]): void {
    for (const { id, history } of records) this.#tunnels.set(id, history)
    this.#forget(this.#now())
  }

  get now(): number {
    return this.#now()
  }

  get size(): number {
    return this.#tunnels.size
  }

  #of(id: string, now: number): TunnelHistory {
    const there = this.#tunnels.get(id) ?? new TunnelHistory(now)
    this.#tunnels.delete(id)
    this.#tunnels.set(id, there)
    return there
  }

  #forget(now: number): void {
    for (const [id, { notedAt }] of this.#tunnels) {
      if (this.#tunnels.size <= this.#maxTunnels && now - notedAt < FORGOTTEN_AFTER) return
      this.#tunnels.delete(id)
    }
  }
}
