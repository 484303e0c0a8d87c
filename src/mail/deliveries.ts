import type { Notices } from '../lifecycle/notices.ts'
import type { Log } from '../shared/log.ts'
import type { Notice } from '../store/notice.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import { WAYS, type WayName } from '../tunnel/contact.ts'
import type { Carrier, Handover } from './carrier.ts'
import type { HandoverCounts } from './handover-counts.ts'
import type { LetterWriter } from './letter-writer.ts'
import type { RefusedTargets } from './refused-targets.ts'
import { isStillTrue, isTooOld } from './still-true.ts'

export interface DeliveriesOptions {
  readonly store: Pick<TunnelStore, 'tunnels' | 'onNotices' | 'noteFault'>
  readonly notices: Pick<Notices, 'due' | 'drop' | 'postpone' | 'defer' | 'ageOf'>
  /** By the way that they serve; a notice for another way waits for it, as long as it says something new. */
  readonly carriers: ReadonlyMap<WayName, Carrier>
  readonly writer: LetterWriter
  /** Counted up. */
  readonly handovers: HandoverCounts
  /** Told of each that is taken or refused, or was led elsewhere. */
  readonly refusedTargets: RefusedTargets
  readonly log: Log
  /** Seconds until a notice is tried again, after its first failure, its second and so on; after the last it is given up. */
  readonly pauses?: readonly number[]
  /** Milliseconds between two looks for notices that are due. */
  readonly intervalMs?: number
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const PAUSES = [MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR]
const INTERVAL_MS = 30_000
/** How long a notice waits of a tunnel whose row can't be used: the configuration may not fit it for now. */
const UNKNOWN_SECONDS = 10 * MINUTE
/** Notices of a way that is missing that are looked at together, the oldest first. */
const LOOKED_AT = 100
/** Letters on their way at a time by one way: one that is stalled holds few others up. */
const AT_ONCE = 4
/** Milliseconds that a stop waits for what is under way: what was taken should be known as that. */
const FAREWELL_MS = 1000

/**
 * Hands over the notices that wait in the database, each until the other side has taken it: neither a stop nor a crash
 * loses one, and a crash between taking and noting it repeats one. What is no longer true is told to nobody.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #pauses: readonly number[]
  readonly #stopHearing: () => void
  readonly #timer: NodeJS.Timeout
  readonly #runs = new Map<WayName, Promise<void>>()
  /** Ways that something new came for while they were at work. */
  readonly #again = new Set<WayName>()
  /** Taken or given up, and the database does not know it yet. */
  readonly #undropped = new Set<number>()
  /** Ways of which it was told that notices wait for them. */
  readonly #missed = new Set<WayName>()
  #isClosed = false

  /** Begins with what was left. */
  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.#pauses = options.pauses ?? PAUSES
    this.#stopHearing = options.store.onNotices(() => void this.run())
    this.#timer = setInterval(() => void this.run(), options.intervalMs ?? INTERVAL_MS).unref()
    void this.run()
  }

  async stop(): Promise<void> {
    this.#isClosed = true
    this.#stopHearing()
    clearInterval(this.#timer)
    let farewell: NodeJS.Timeout | undefined
    const patience = new Promise<void>(resolve => {
      farewell = setTimeout(resolve, FAREWELL_MS)
    })
    await Promise.race([Promise.all(this.#runs.values()), patience])
    clearTimeout(farewell)
    for (const carrier of this.#options.carriers.values()) carrier.close()
  }

  /** Hands over what is due now. Never rejects. */
  async run(): Promise<void> {
    await Promise.all(WAYS.map(way => this.#runWay(way)))
  }

  #runWay(way: WayName): Promise<void> {
    const running = this.#runs.get(way)
    if (running !== undefined) {
      this.#again.add(way)
      return running
    }
    const run = this.#carryAll(way).then(() => {
      this.#runs.delete(way)
      return this.#again.delete(way) ? this.#runWay(way) : undefined
    })
    this.#runs.set(way, run)
    return run
  }

  /** Until nothing is due, or nothing can be handed over. */
  async #carryAll(way: WayName): Promise<void> {
    try {
      for (const number of this.#undropped) await this.#drop(number, { isTold: true })
      const carrier = this.#options.carriers.get(way)
      if (carrier === undefined) return await this.#letWait(way)
      while (!this.#isClosed) {
        const due = this.#options.notices.due(way, AT_ONCE)
        if (due.length === 0) return
        // All are waited for: one that is still on its way must not be begun again.
        const settled = await Promise.allSettled(due.map(notice => this.#settle(notice, carrier)))
        for (const each of settled) if (each.status === 'rejected') throw each.reason
        if (settled.some(each => each.status === 'fulfilled' && each.value === 'down')) return
      }
    } catch (error) {
      this.#options.store.noteFault(error)
      this.#options.log.error({ err: error }, 'notices to owners wait: the database can not be used')
    }
  }

  /** A way that the configuration does not have: it may come back. Those that wait for it go when they are too old. */
  async #letWait(way: WayName): Promise<void> {
    const { notices, log } = this.#options
    this.#tellOfWaiting(way)
    let givenUp = 0
    while (!this.#isClosed) {
      const old = notices.due(way, LOOKED_AT).filter(notice => isTooOld(notice, notices.ageOf(notice)))
      if (old.length === 0) break
      await Promise.all(old.map(({ number }) => this.#drop(number, { isTold: false })))
      givenUp += old.length
    }
    if (givenUp > 0)
      log.error({ way, notices: givenUp }, 'notices to owners have waited for too long: they are given up')
  }

  /** Those too that are not due yet. */
  #tellOfWaiting(way: WayName): void {
    if (this.#missed.has(way)) return
    const waiting = this.#options.store.tunnels.notices.count(way)
    if (waiting === 0) return
    this.#options.log.warn({ way, waiting }, 'notices to owners wait for a way that is not configured')
    this.#missed.add(way)
  }

  /** Every notice is dropped or postponed: none is due again in this run. `down`: nothing can be handed over now. */
  async #settle(notice: Notice, carrier: Carrier): Promise<'settled' | 'down'> {
    const { store, notices, writer } = this.#options
    const isTrue = isStillTrue(notice, store.tunnels)
    const isOld = isTooOld(notice, notices.ageOf(notice))
    if (isOld && isTrue !== false) this.#giveUp(notice, 'it has waited for too long')
    if (isTrue === undefined && !isOld) {
      await notices.defer(notice, UNKNOWN_SECONDS)
      return 'settled'
    }
    const letter = isTrue && !isOld ? await writer.write(notice) : undefined
    if (letter === undefined) {
      await this.#drop(notice.number, { isTold: false })
      return 'settled'
    }
    const handover = await carrier.carry(letter)
    if (handover.kind === 'failed' && this.#isClosed) return 'down' // we ourselves have broken it off
    this.#options.handovers[handover.kind][notice.way]++
    if (handover.kind !== 'failed' || handover.isAstray)
      this.#options.refusedTargets.note(notice.way, letter.to, handover.kind !== 'taken')
    if (handover.kind === 'failed') await this.#postpone(notice, handover)
    else await this.#finish(notice, handover)
    return handover.kind === 'failed' && handover.isDown ? 'down' : 'settled'
  }

  async #finish(notice: Notice, handover: Exclude<Handover, { readonly kind: 'failed' }>): Promise<void> {
    if (handover.kind === 'refused') this.#giveUp(notice, handover.reason)
    this.#undropped.add(notice.number)
    await this.#drop(notice.number, { isTold: true })
  }

  async #postpone(notice: Notice, { reason }: { readonly reason: string }): Promise<void> {
    const seconds = this.#pauses[notice.failures]
    if (seconds === undefined) {
      this.#giveUp(notice, reason)
      await this.#drop(notice.number, { isTold: false })
      return
    }
    const { tunnelId: tunnel, occasion, way } = notice
    this.#options.log.warn(
      { tunnel, occasion, way, reason, seconds },
      'a notice could not be handed over: it waits',
    )
    await this.#options.notices.postpone(notice, seconds)
  }

  #giveUp({ tunnelId: tunnel, occasion, way }: Notice, reason: string): void {
    this.#options.log.error(
      { tunnel, occasion, way, reason },
      'a notice could not be handed over: it is given up',
    )
  }

  async #drop(number: number, how: { readonly isTold: boolean }): Promise<void> {
    await this.#options.notices.drop(number, how)
    this.#undropped.delete(number)
  }
}
