import { setTimeout as sleep } from 'node:timers/promises'
import { Counts } from '../../engine/counts.ts'
import type { NameserverOptions } from '../../engine/nameserver.ts'
import { SEATS } from '../../zone/reader-slot.ts'
import { NO_UDP_COUNTS, type UdpCounts } from '../udp/dgram-listener.ts'
import { AnsweringThread, type AnsweringThreadOptions } from './answering-thread.ts'
import { sumOf } from './shared-counts.ts'

/** A thread that dies at once each time is not started more often than this. */
const RESTART_PAUSE_MS = 200

export type SeatOptions = Omit<AnsweringThreadOptions, 'reader' | 'isBesideAnother'>

/**
 * The place of one answering thread: sockets and counts stay when a thread dies, or is followed by one with another
 * engine. A seat has two slots of the table, so that a thread reads beside the one that it follows.
 */
export class Seat {
  /** Threads that died here and were replaced. */
  restarts = 0
  #options: SeatOptions
  /** One; two while one follows the other; none between a death and its replacement. */
  readonly #threads = new Set<AnsweringThread>()
  #hasSecondSlot = false
  /** Counts of the threads that have ended. */
  #pastUdp: UdpCounts = { ...NO_UDP_COUNTS }
  #pastEngine = new Counts()
  #isClosed = false

  constructor(options: SeatOptions) {
    this.#options = options
  }

  get udpCounts(): UdpCounts {
    return sumOf<UdpCounts>(
      this.#pastUdp,
      [...this.#threads].map(thread => thread.udpCounts),
    )
  }

  get engineCounts(): Counts {
    return sumOf<Counts>(
      this.#pastEngine,
      [...this.#threads].map(thread => thread.engineCounts),
    )
  }

  /**
   * Starts a thread; resolves when it answers, rejects if it died before. `isBesideAnother`: another process answers
   * until then.
   */
  async fill({ isBesideAnother = false } = {}): Promise<void> {
    await this.#start(this.#options, isBesideAnother)
  }

  /**
   * Puts a thread with another engine in the place of the present one, which answers until the new one does: no query
   * waits. Rejects if the new one died before; the present one stays then.
   */
  async renew(engine: NameserverOptions): Promise<void> {
    if (this.#isClosed) return // nobody would end a thread that came now
    const former = [...this.#threads]
    const options = { ...this.#options, engine }
    this.#hasSecondSlot = !this.#hasSecondSlot
    try {
      await this.#start(options, former.length > 0)
    } catch (error) {
      this.#hasSecondSlot = !this.#hasSecondSlot
      if (this.#threads.size === 0) void this.#replace()
      throw error
    }
    this.#options = options
    for (const thread of former) thread.dismiss()
    await Promise.all(former.map(thread => thread.ended))
  }

  /** Ends the thread, and puts no other in its place; resolves when it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const thread of this.#threads) thread.dismiss()
    await Promise.all([...this.#threads].map(thread => thread.ended))
  }

  /** Ends the thread wherever it is, as a fault would. */
  async kill(): Promise<void> {
    await Promise.all([...this.#threads].map(thread => thread.kill()))
  }

  async #start(options: SeatOptions, isBesideAnother: boolean): Promise<void> {
    const thread = new AnsweringThread({
      ...options,
      isBesideAnother,
      reader: options.index + (this.#hasSecondSlot ? SEATS : 0),
    })
    this.#threads.add(thread)
    void thread.ended.then(() => this.#lose(thread))
    try {
      await thread.ready
    } catch (error) {
      await thread.ended // it is none of those that answer any more
      throw error
    }
  }

  #lose(thread: AnsweringThread): void {
    this.#threads.delete(thread)
    this.#pastUdp = sumOf<UdpCounts>(this.#pastUdp, [thread.udpCounts])
    this.#pastEngine = sumOf<Counts>(this.#pastEngine, [thread.engineCounts])
    if (thread.hasAnswered && !thread.isDismissed) void this.#replace()
  }

  async #replace(): Promise<void> {
    if (this.#isClosed) return
    this.restarts++
    this.#options.log.error({ thread: this.#options.index }, 'an answering thread ended: starting another')
    await sleep(RESTART_PAUSE_MS)
    if (this.#isClosed || this.#threads.size > 0) return
    await this.fill().catch(() => this.#replace())
  }
}
