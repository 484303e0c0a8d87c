import { Counts } from '../../engine/counts.ts'
import type { NameserverOptions } from '../../engine/nameserver.ts'
import type { RefusedTransfer } from '../../engine/refused-transfer.ts'
import type { SignedQuery } from '../../engine/transfer-times.ts'
import type { SentTransfer } from '../../engine/transfers.ts'
import type { Durations } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { Log } from '../../shared/log.ts'
import { HeldSockets } from '../held-sockets.ts'
import type { Libc } from '../libc.ts'
import { NO_UDP_COUNTS, type UdpCounts } from '../udp/dgram-listener.ts'
import type { OpenSocket } from '../udp/open-socket.ts'
import type { UdpListeners } from '../udp/udp-listeners.ts'
import { Seat } from './seat.ts'
import { sumOf } from './shared-counts.ts'
import { SharedDurations } from './shared-durations.ts'
import { PATIENCE_MS } from './thread-orders.ts'

export interface AnsweringThreadsOptions {
  readonly libc: Libc
  readonly threads: number
  /** Where the sockets come from, and stay open; else they are the threads' own. */
  readonly sockets?: HeldSockets | undefined
  /** What each thread's engine is made from; handed from thread to thread. */
  readonly engine: NameserverOptions
  readonly log: Log
  /** Whether another process answers on the sockets until these threads do. */
  readonly isBesideAnother?: boolean
  /** See AnsweringThread. */
  readonly onSent?: (sent: SentTransfer) => void
  /** Called with each signed query for differences that was answered over UDP. */
  readonly onSigned?: (signed: SignedQuery) => void
  /** Called when a query that secondaries alone send was refused over UDP. */
  readonly onRefused?: (refused: RefusedTransfer) => void
  /** Another file for the threads to run, and how long one may be silent: see AnsweringThread. */
  readonly threadFile?: URL
  readonly longestSilenceMs?: number
}

/**
 * UDP in threads of its own. Each thread has a socket on every address, an engine, and the table that all share:
 *
 *     main      holds the sockets ─ writes the table ─ answers TCP, web, database, monitor
 *     thread 0  recvmmsg ─ respond × 64 ─ sendmmsg on  127.0.0.1:53 (socket 0)  [::1]:53 (socket 0)
 *     thread 1  recvmmsg ─ respond × 64 ─ sendmmsg on  127.0.0.1:53 (socket 1)  [::1]:53 (socket 1)
 */
export class AnsweringThreads implements UdpListeners {
  /** With the engine of the last renewal: threads that speak again have that. */
  #options: AnsweringThreadsOptions
  /** A socket on all addresses has those that come. */
  readonly unbound = []
  /** For each address, a socket for each thread. */
  readonly #sockets: (readonly OpenSocket[])[] = []
  readonly #held: HeldSockets
  #seats: readonly Seat[] = []
  readonly #durations = new SharedDurations()

  constructor(options: AnsweringThreadsOptions) {
    this.#options = options
    this.#held = options.sockets ?? new HeldSockets(options.libc)
  }

  async bind(endpoint: Endpoint): Promise<Endpoint> {
    return this.#open(endpoint, { isAhead: false })
  }

  async bindAhead(endpoint: Endpoint): Promise<Endpoint> {
    return this.#open(endpoint, { isAhead: true })
  }

  #open(endpoint: Endpoint, { isAhead }: { readonly isAhead: boolean }): Endpoint {
    const { threads } = this.#options
    const sockets = this.#held.udp(endpoint, { count: threads, patienceMs: PATIENCE_MS, isAhead })
    this.#sockets.push(sockets)
    return sockets[0]?.address ?? endpoint
  }

  async start(): Promise<void> {
    const { libc: _libc, sockets: _sockets, threads, ...options } = this.#options
    const isBesideAnother = options.isBesideAnother === true && this.#seats.length === 0
    this.#seats = Array.from(
      { length: threads },
      (_, index) =>
        new Seat({
          ...options,
          durations: this.#durations.buffer,
          index,
          sockets: this.#sockets.flatMap(sockets => socketsOf(sockets, { index, threads })),
        }),
    )
    await Promise.all(this.#seats.map(seat => seat.fill({ isBesideAnother })))
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
   * Puts threads with another engine in the places of the present ones, which answer until then. Rejects if one died
   * before it answered; that seat goes on with the engine it had.
   */
  async renew(engine: NameserverOptions): Promise<void> {
    for (const seat of this.#seats) await seat.renew(engine)
    this.#options = { ...this.#options, engine }
  }

  /** Answers no more until `start` is called again; queries wait in the sockets. */
  async pause(): Promise<void> {
    await Promise.all(this.#seats.map(seat => seat.close()))
  }

  async close(): Promise<void> {
    await this.pause()
    if (this.#options.sockets === undefined) this.#held.close()
    this.#sockets.length = 0
  }
}

/** Sockets that were passed may be more than there are threads, or fewer: then several threads read one. */
function socketsOf(
  sockets: readonly OpenSocket[],
  { index, threads }: { readonly index: number; readonly threads: number },
): readonly OpenSocket[] {
  if (sockets.length >= threads) return sockets.filter((_, at) => at % threads === index)
  return sockets.slice(index % sockets.length, (index % sockets.length) + 1)
}
