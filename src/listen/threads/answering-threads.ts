import { Counts } from '../../engine/counts.ts'
import type { NameserverOptions } from '../../engine/nameserver.ts'
import type { SentTransfer } from '../../engine/transfers.ts'
import type { Durations } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { Log } from '../../shared/log.ts'
import type { Libc } from '../libc.ts'
import { NO_UDP_COUNTS, type UdpCounts } from '../udp/dgram-listener.ts'
import { type OpenSocket, openSockets } from '../udp/open-socket.ts'
import type { UdpListeners } from '../udp/udp-listeners.ts'
import { Seat } from './seat.ts'
import { sumOf } from './shared-counts.ts'
import { SharedDurations } from './shared-durations.ts'
import { PATIENCE_MS } from './thread-orders.ts'

export interface AnsweringThreadsOptions {
  readonly libc: Libc
  readonly threads: number
  /** What each thread's engine is made from; handed from thread to thread. */
  readonly engine: NameserverOptions
  readonly log: Log
  /** See AnsweringThread. */
  readonly onSent?: (sent: SentTransfer) => void
  /** Another file for the threads to run, and how long one may be silent: see AnsweringThread. */
  readonly threadFile?: URL
  readonly longestSilenceMs?: number
}

/**
 * UDP in threads of its own. Each thread has a socket on every address, an engine, and the table that all share:
 *
 *     main      opens the sockets ─ writes the table ─ answers TCP, web, database, monitor
 *     thread 0  recvmmsg ─ respond × 64 ─ sendmmsg on  127.0.0.1:53 (socket 0)  [::1]:53 (socket 0)
 *     thread 1  recvmmsg ─ respond × 64 ─ sendmmsg on  127.0.0.1:53 (socket 1)  [::1]:53 (socket 1)
 */
export class AnsweringThreads implements UdpListeners {
  readonly #options: AnsweringThreadsOptions
  /** For each address, a socket for each thread. */
  readonly #sockets: (readonly OpenSocket[])[] = []
  #seats: readonly Seat[] = []
  readonly #durations = new SharedDurations()

  constructor(options: AnsweringThreadsOptions) {
    this.#options = options
  }

  async bind(endpoint: Endpoint): Promise<Endpoint> {
    return this.#open(endpoint, { isAhead: false })
  }

  async bindAhead(endpoint: Endpoint): Promise<Endpoint> {
    return this.#open(endpoint, { isAhead: true })
  }

  #open(endpoint: Endpoint, { isAhead }: { readonly isAhead: boolean }): Endpoint {
    const { libc, threads } = this.#options
    const sockets = openSockets(libc, endpoint, { count: threads, patienceMs: PATIENCE_MS, isAhead })
    this.#sockets.push(sockets)
    return sockets[0]?.address ?? endpoint
  }

  async start(): Promise<void> {
    const { libc: _libc, threads, ...options } = this.#options
    this.#seats = Array.from(
      { length: threads },
      (_, index) =>
        new Seat({
          ...options,
          durations: this.#durations.buffer,
          index,
          sockets: this.#sockets.flatMap(sockets => sockets.slice(index, index + 1)),
        }),
    )
    await Promise.all(this.#seats.map(seat => seat.fill()))
  }

  get counts(): UdpCounts {
    return sumOf(
      { ...NO_UDP_COUNTS },
      this.#seats.map(seat => seat.udpCounts),
    )
  }

  get durations(): Durations {
    return this.#durations.read()
  }

  get engineCounts(): Counts {
    return sumOf(
      new Counts(),
      this.#seats.map(seat => seat.engineCounts),
    )
  }

  /** Threads that died and were replaced. */
  get restarts(): number {
    return this.#seats.reduce((total, { restarts }) => total + restarts, 0)
  }

  /** Ends a thread wherever it is, as a fault in it would. */
  async killThread(index: number): Promise<void> {
    await this.#seats[index]?.kill()
  }

  /**
   * Puts threads with another engine in the places of the present ones, which answer until then. Rejects where one died
   * before it answered; that seat goes on with the engine it had.
   */
  async renew(engine: NameserverOptions): Promise<void> {
    for (const seat of this.#seats) await seat.renew(engine)
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map(seat => seat.close()))
    for (const { fd } of this.#sockets.flat()) this.#options.libc.close(fd)
    this.#sockets.length = 0
  }
}
