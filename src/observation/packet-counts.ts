import type { Log } from '../shared/log.ts'
import type { History } from './history.ts'

/** After a reading that took long none is made for so many times as long: listing a large filter takes seconds. */
const REST_PER_COST = 20
/** Readings further apart say nothing of the time between: the first one after such a pause is a beginning. */
const MAX_AGE_MS = 1_800_000

/** Reads how many packets tunnels have sent, and notes what came since the last reading. */
export class PacketCounts {
  readonly #read: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>
  readonly #history: Pick<History, 'recordPackets'>
  readonly #log: Log
  readonly #now: () => number
  #last: ReadonlyMap<string, number> = new Map()
  #lastAt = Number.NEGATIVE_INFINITY
  #restsUntil = Number.NEGATIVE_INFINITY

  constructor(parts: {
    readonly lifecycle: { packetsFrom(ids: readonly string[]): Promise<ReadonlyMap<string, number>> }
    readonly history: Pick<History, 'recordPackets'>
    readonly log: Log
    /** Milliseconds since some moment. */
    readonly now?: () => number
  }) {
    this.#read = ids => parts.lifecycle.packetsFrom(ids)
    this.#history = parts.history
    this.#log = parts.log
    this.#now = parts.now ?? (() => performance.now())
  }

  /** Counts these tunnels' packets, unless that was done a moment ago for what it costs. Never rejects. */
  async count(ids: readonly string[]): Promise<void> {
    const start = this.#now()
    if (start < this.#restsUntil) return
    this.#restsUntil = Number.POSITIVE_INFINITY // one reading at a time
    try {
      const counts = await this.#read(ids)
      if (start - this.#lastAt <= MAX_AGE_MS) this.#history.recordPackets(this.#since(counts))
      this.#last = counts
      this.#lastAt = start
    } catch (error) {
      this.#log.warn({ err: error }, 'the packets of tunnels could not be counted')
    } finally {
      const end = this.#now()
      this.#restsUntil = end + REST_PER_COST * (end - start)
    }
  }

  /** A counter that is lower than before began anew: its interface was made again. */
  #since(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const since = new Map<string, number>()
    for (const [id, count] of counts) {
      const before = this.#last.get(id)
      if (before !== undefined) since.set(id, count < before ? count : count - before)
    }
    return since
  }
}
