import type { Log } from '../shared/log.ts'
import type { Octets } from '../tunnel/interface.ts'
import type { History } from './history.ts'

/** A reading is followed by none for this many times as long as it took: listing a large filter takes seconds. */
const REST_PER_COST = 20
/** Readings further apart say nothing of the time between: the first one after such a pause is a beginning. */
const MAX_AGE_MS = 1_800_000
/** Tunnels of which nothing was read for so long are gone, or asleep: their counters begin anew when they come back. */
const FORGOTTEN_AFTER_MS = 86_400_000
const FORGET_EVERY_MS = 3_600_000

/** A tunnel's counters as they were last read, and all that they have counted in this process's time. */
interface Account {
  readonly last: Octets
  readonly sum: Octets
  readonly readAt: number
}

/**
 * Reads how much has passed tunnels in either direction, and notes what came since the last reading. A counter of the
 * kernel begins anew when a tunnel moves, wakes or its interface is made again; what is told here only grows.
 */
export class TrafficCounts {
  readonly #read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Octets>>
  readonly #history: Pick<History, 'recordOctets'>
  readonly #log: Log
  readonly #now: () => number
  readonly #accounts = new Map<string, Account>()
  #total: Octets = { received: 0, sent: 0 }
  #restsUntil = Number.NEGATIVE_INFINITY
  #forgotAt: number

  constructor(parts: {
    readonly lifecycle: { octetsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Octets>> }
    readonly history: Pick<History, 'recordOctets'>
    readonly log: Log
    /** Milliseconds since some moment. */
    readonly now?: () => number
  }) {
    this.#read = ids => parts.lifecycle.octetsOf(ids)
    this.#history = parts.history
    this.#log = parts.log
    this.#now = parts.now ?? (() => performance.now())
    this.#forgotAt = this.#now()
  }

  /** What all tunnels have received and sent since the process started, as far as it was counted. */
  get total(): Octets {
    return this.#total
  }

  /** What has passed a tunnel since its interface was made, as far as it was counted; undefined: nobody has counted. */
  of(id: string): Octets | undefined {
    return this.#accounts.get(id)?.sum
  }

  /** Counts these tunnels' octets, unless that was done a moment ago for what it costs. Never rejects. */
  async count(ids: readonly string[]): Promise<void> {
    const start = this.#now()
    if (start < this.#restsUntil) return
    this.#restsUntil = Number.POSITIVE_INFINITY // one reading at a time
    try {
      this.#note(await this.#read(ids), start)
    } catch (error) {
      this.#log.warn({ err: error }, 'the traffic of tunnels could not be counted')
    } finally {
      const end = this.#now()
      this.#restsUntil = end + REST_PER_COST * (end - start)
    }
  }

  #note(counts: ReadonlyMap<string, Octets>, readAt: number): void {
    const recent = new Map<string, Octets>()
    for (const [id, octets] of counts) {
      const before = this.#accounts.get(id)
      if (before === undefined) {
        this.#accounts.set(id, { last: octets, sum: octets, readAt })
        continue
      }
      const grown = grownBy(before.last, octets)
      this.#accounts.set(id, { last: octets, sum: plus(before.sum, grown), readAt })
      this.#total = plus(this.#total, grown)
      if (readAt - before.readAt <= MAX_AGE_MS) recent.set(id, grown)
    }
    if (recent.size > 0) this.#history.recordOctets(recent)
    this.#forget(readAt)
  }

  /** What one reading lacks may be a tunnel that is silent, or a look at the kernel that failed. */
  #forget(now: number): void {
    if (now - this.#forgotAt < FORGET_EVERY_MS) return
    this.#forgotAt = now
    for (const [id, { readAt }] of this.#accounts)
      if (now - readAt > FORGOTTEN_AFTER_MS) this.#accounts.delete(id)
  }
}

/** A counter that is lower than before began anew. */
function grownBy(before: Octets, now: Octets): Octets {
  const growth = (from: number, to: number) => (to < from ? to : to - from)
  return { received: growth(before.received, now.received), sent: growth(before.sent, now.sent) }
}

function plus(one: Octets, other: Octets): Octets {
  return { received: one.received + other.received, sent: one.sent + other.sent }
}
