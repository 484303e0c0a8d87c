import type { Log } from '../shared/log.ts'

/**
 * From this many tunnels that answered in the last round on, more than half of them silent together is our own fault.
 * The decision record own-outage has the arithmetic.
 */
const CROWD = 4
const SILENT_SHARE = 0.5
/** From this many on that have fallen silent in one round it may be ours, too, and began while the others were asked. */
const TOGETHER = 2
/** An outage of ours does not go unmended for longer than a week: after that even a crowd's silence is its own. */
const BELIEVED_FOR_MS = 7 * 86_400_000

/**
 * Why we take ourselves for cut off. The operator's anchors are believed; a gateway and a crowd are not for ever, and a
 * tunnel that answers disproves a gateway.
 */
export interface CutOff {
  readonly kind: 'anchors' | 'gateway' | 'crowd'
  readonly reason: string
}

/** A tunnel that exists, with what its row says. */
interface Known {
  readonly id: string
  readonly answeredLast?: boolean
}

/** Who answered when rounds last counted: what is compared with to tell our own outage from their silence. */
export class Crowd {
  #before: ReadonlySet<string> | undefined

  /** Has most of the crowd stopped answering? `known` are the tunnels that exist, with what their rows say. */
  isSilent(known: readonly Known[], answered: ReadonlySet<string>): boolean {
    const before = this.#comparedWith(known)
    const still = known.filter(({ id }) => before.has(id))
    const silent = still.filter(({ id }) => !answered.has(id)).length
    return still.length >= CROWD && silent > still.length * SILENT_SHARE
  }

  /** Those that have stopped answering together; empty if it is one alone. */
  thinnedBy(known: readonly Known[], answered: ReadonlySet<string>): ReadonlySet<string> {
    const before = this.#comparedWith(known)
    const fallen = known.filter(({ id }) => before.has(id) && !answered.has(id))
    return new Set(fallen.length >= TOGETHER ? fallen.map(({ id }) => id) : [])
  }

  /** A round counted: those that were silent in it have been counted once, and are compared with no more. */
  counted(known: readonly Known[], answered: ReadonlySet<string>, unknown: readonly string[]): void {
    const before = this.#comparedWith(known)
    const kept = unknown.filter(id => before.has(id))
    this.#before = new Set([...answered, ...kept])
  }

  /** A round did not count: whoever answers in it joins those that are compared with. */
  uncounted(known: readonly Known[], answered: ReadonlySet<string>): void {
    this.#before = new Set([...this.#comparedWith(known), ...answered])
  }

  /** A new process knows what the rows say alone. */
  #comparedWith(known: readonly Known[]): ReadonlySet<string> {
    return (
      this.#before ?? new Set(known.filter(({ answeredLast }) => answeredLast === true).map(({ id }) => id))
    )
  }
}

/** The outage that lasts, if any: says so in the log when it begins and ends, and not with each round. */
export class OwnOutage {
  readonly #log: Log
  #current: { readonly reason: string; readonly since: Date; readonly startedAt: number } | undefined

  constructor(log: Log) {
    this.#log = log
  }

  /** The reason and the time of the outage that lasts. */
  get current(): { readonly reason: string; readonly since: Date } | undefined {
    return this.#current
  }

  /** Takes the outage on record; false if it has lasted for so long that the silence has to be believed. */
  isBelieved({ kind, reason }: CutOff): boolean {
    const now = performance.now()
    if (this.#current === undefined) {
      this.#current = { reason, since: new Date(), startedAt: now }
      this.#log.warn(
        { reason },
        'our own connection seems to be down: silence is not counted until that is over',
      )
    }
    return kind === 'anchors' || now - this.#current.startedAt <= BELIEVED_FOR_MS
  }

  /** A round counts: whatever there was is over. */
  over(): void {
    if (this.#current === undefined) return
    const seconds = Math.round((performance.now() - this.#current.startedAt) / 1000)
    this.#current = undefined
    this.#log.info({ seconds }, 'silence is counted again')
  }
}
