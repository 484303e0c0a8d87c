import { getCompileCacheDir } from 'node:module'
import { dirname, extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Counts, type NameserverOptions } from '../../engine/nameserver.ts'
import type { Log } from '../../shared/log.ts'
import { ReaderSlot } from '../../zone/reader-slot.ts'
import type { BoundSocket } from '../udp/batch-socket.ts'
import { NO_UDP_COUNTS, type UdpCounts } from '../udp/dgram-listener.ts'
import { Heartbeat } from './heartbeat.ts'
import { SharedCounts, sumOf } from './shared-counts.ts'
import type { ThreadOrders } from './thread-orders.ts'

/** What a thread runs unless the seat is told otherwise. */
const THREAD_FILE = new URL(`./thread-entry${extname(import.meta.filename)}`, import.meta.url)
/** A thread that dies at once each time is not started more often than this. */
const RESTART_PAUSE_MS = 200
/** A thread comes round four times a second where nothing is asked; one that does not for so long is stuck. */
const LONGEST_SILENCE_MS = 5000
/** Looks at its heartbeat in that time. */
const LOOKS = 5

export interface SeatOptions {
  readonly index: number
  readonly engine: NameserverOptions
  readonly sockets: readonly BoundSocket[]
  readonly stop: SharedArrayBuffer
  readonly log: Log
  /** Another file for the thread to run, and how long it may be silent. */
  readonly threadFile?: URL
  readonly longestSilenceMs?: number
}

/** The place of one answering thread: sockets, slot and counts stay when a thread dies and another one takes over. */
export class Seat {
  /** Threads that died here and were replaced. */
  restarts = 0
  readonly #options: SeatOptions
  readonly #slot: ReaderSlot
  #udp = new SharedCounts<UdpCounts>({ ...NO_UDP_COUNTS })
  #engine = new SharedCounts(new Counts())
  /** Counts of the threads that died. */
  #pastUdp: UdpCounts = { ...NO_UDP_COUNTS }
  #pastEngine: Counts = new Counts()
  readonly #heartbeat = new Heartbeat()
  #watch: NodeJS.Timeout | undefined
  #worker: Worker | undefined
  #hasLeft: Promise<void> = Promise.resolve()

  constructor(options: SeatOptions) {
    this.#options = options
    this.#slot = new ReaderSlot(options.engine.catalog.buffer, options.index)
  }

  get udpCounts(): UdpCounts {
    return sumOf<UdpCounts>(this.#pastUdp, [this.#udp.read()])
  }

  get engineCounts(): Counts {
    return sumOf<Counts>(this.#pastEngine, [this.#engine.read()])
  }

  /** Starts a thread; resolves when it answers, rejects where it died before. */
  async fill(): Promise<void> {
    const worker = new Worker(this.#options.threadFile ?? THREAD_FILE, { workerData: this.#orders() })
    this.#worker = worker
    const { promise: isReady, resolve, reject } = Promise.withResolvers<void>()
    worker.once('message', () => {
      this.#watchOver(worker)
      resolve()
    })
    worker.once('error', error => {
      this.#options.log.error({ err: error, thread: this.#options.index }, 'an answering thread failed')
      reject(error)
    })
    this.#hasLeft = new Promise(left => {
      worker.once('exit', () => {
        clearInterval(this.#watch)
        reject(new Error('an answering thread ended before it answered'))
        this.#slot.leave() // it may have died on the table
        left()
        void isReady.then(
          () => this.#replace(),
          () => undefined,
        )
      })
    })
    await isReady
  }

  /** Resolves when the thread has ended; the word that stops it has been set. */
  async left(): Promise<void> {
    await this.#hasLeft
  }

  /** Ends the thread wherever it is, as a fault would. */
  async kill(): Promise<void> {
    await this.#worker?.terminate()
  }

  /** A thread that spins answers nobody, and keeps its slot of the table: it is ended, and then replaced as any that dies. */
  #watchOver(worker: Worker): void {
    const longest = this.#options.longestSilenceMs ?? LONGEST_SILENCE_MS
    this.#heartbeat.beat() // a new thread has not missed what the one before it has
    this.#watch = setInterval(() => {
      if (this.#heartbeat.look() < LOOKS) return
      clearInterval(this.#watch)
      this.#options.log.error({ thread: this.#options.index }, 'an answering thread is stuck: it is ended')
      void worker.terminate()
    }, longest / LOOKS)
  }

  async #replace(): Promise<void> {
    if (this.#isStopped()) return
    this.restarts++
    this.#pastUdp = this.udpCounts
    this.#pastEngine = this.engineCounts
    this.#udp = new SharedCounts<UdpCounts>({ ...NO_UDP_COUNTS })
    this.#engine = new SharedCounts(new Counts())
    this.#options.log.error({ thread: this.#options.index }, 'an answering thread ended: starting another')
    await sleep(RESTART_PAUSE_MS)
    if (this.#isStopped()) return
    await this.fill().catch(() => this.#replace())
  }

  #isStopped(): boolean {
    return Atomics.load(new Int32Array(this.#options.stop), 0) !== 0
  }

  #orders(): ThreadOrders {
    const { index, engine, sockets, stop } = this.#options
    return {
      engine,
      sockets: sockets.map(({ fd, family, isWildcard }) => ({ fd, family, isWildcard })),
      reader: index,
      stop,
      heartbeat: this.#heartbeat.buffer,
      udpCounts: this.#udp.buffer,
      engineCounts: this.#engine.buffer,
      compileCache: compileCache(),
    }
  }
}

/** Node names the directory of its own version, below the one that it was given. */
function compileCache(): string | undefined {
  const directory = getCompileCacheDir()
  return directory && dirname(directory)
}
