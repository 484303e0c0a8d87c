import { getCompileCacheDir } from 'node:module'
import { dirname, extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Counts } from '../../engine/counts.ts'
import type { NameserverOptions } from '../../engine/nameserver.ts'
import type { RefusedTransfer } from '../../engine/refused-transfer.ts'
import type { SignedQuery } from '../../engine/transfer-times.ts'
import type { SentTransfer } from '../../engine/transfers.ts'
import type { Log } from '../../shared/log.ts'
import { ReaderSlot } from '../../zone/reader-slot.ts'
import type { BoundSocket } from '../udp/batch-socket.ts'
import { NO_UDP_COUNTS, type UdpCounts } from '../udp/dgram-listener.ts'
import { Heartbeat } from './heartbeat.ts'
import { SharedCounts } from './shared-counts.ts'
import type { ThreadOrders, ThreadWord } from './thread-orders.ts'

/** What a thread runs unless it is told otherwise. */
const THREAD_FILE = new URL(`./thread-entry${extname(import.meta.filename)}`, import.meta.url)
/** A thread comes round four times a second if nothing is asked; one that does not for so long is stuck. */
const LONGEST_SILENCE_MS = 5000
/** Looks at its heartbeat in that time. */
const LOOKS = 5

export interface AnsweringThreadOptions {
  /** Number of its seat, for the log. */
  readonly index: number
  /** Number of its slot among the table's readers. */
  readonly reader: number
  readonly engine: NameserverOptions
  /** Whether somebody else answers on its sockets until it does: then it takes its time, and is quick at once. */
  readonly isBesideAnother: boolean
  readonly sockets: readonly BoundSocket[]
  readonly log: Log
  /** Memory of SharedDurations. */
  readonly durations: SharedArrayBuffer
  /** Called when a client has been told over UDP what has changed in a zone, or that nothing has. */
  readonly onSent?: (sent: SentTransfer) => void
  /** Called with each signed query for differences that was answered over UDP. */
  readonly onSigned?: (signed: SignedQuery) => void
  /** Called when a query that secondaries alone send was refused over UDP. */
  readonly onRefused?: (refused: RefusedTransfer) => void
  /** Another file for the thread to run, and how long it may be silent. */
  readonly threadFile?: URL
  readonly longestSilenceMs?: number
}

/** One thread that answers: its worker, and the memory by which it tells what it does and is told to end. */
export class AnsweringThread {
  /** Resolves when it answers; rejects if it ended before. */
  readonly ready: Promise<void>
  /** Resolves when it has ended, whatever the reason. */
  readonly ended: Promise<void>
  readonly #options: AnsweringThreadOptions
  readonly #worker: Worker
  readonly #stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #udp = new SharedCounts<UdpCounts>({ ...NO_UDP_COUNTS })
  readonly #engine = new SharedCounts(new Counts())
  readonly #heartbeat = new Heartbeat()
  #watch: NodeJS.Timeout | undefined
  #hasAnswered = false

  /** Starts it. */
  constructor(options: AnsweringThreadOptions) {
    this.#options = options
    const { index, reader, engine, log } = options
    const worker = new Worker(options.threadFile ?? THREAD_FILE, { workerData: this.#orders() })
    this.#worker = worker
    const ready = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    worker.on('message', (word: ThreadWord) => {
      if (word.kind === 'told') {
        for (const transfer of word.sent) options.onSent?.(transfer)
        for (const query of word.signed) options.onSigned?.(query)
        for (const refused of word.refused) options.onRefused?.(refused)
        return
      }
      this.#hasAnswered = true
      this.#watchOver()
      ready.resolve()
    })
    worker.once('error', error => {
      log.error({ err: error, thread: index }, 'an answering thread failed')
      ready.reject(error)
    })
    worker.once('exit', () => {
      clearInterval(this.#watch)
      ready.reject(new Error('an answering thread ended before it answered'))
      new ReaderSlot(engine.catalog.buffer, reader).leave() // it may have died on the table
      ended.resolve()
    })
    this.ready = ready.promise
    this.ended = ended.promise
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  get isDismissed(): boolean {
    return Atomics.load(this.#stop, 0) !== 0
  }

  get udpCounts(): UdpCounts {
    return this.#udp.read()
  }

  get engineCounts(): Counts {
    return this.#engine.read()
  }

  /** Tells it to end once it has answered what it holds. */
  dismiss(): void {
    Atomics.store(this.#stop, 0, 1)
  }

  /** Ends it wherever it is, as a fault would. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }

  /** One that spins answers nobody, and keeps its slot of the table: it is ended. */
  #watchOver(): void {
    const longest = this.#options.longestSilenceMs ?? LONGEST_SILENCE_MS
    this.#watch = setInterval(() => {
      if (this.#heartbeat.look() < LOOKS) return
      clearInterval(this.#watch)
      this.#options.log.error({ thread: this.#options.index }, 'an answering thread is stuck: it is ended')
      void this.kill()
    }, longest / LOOKS)
  }

  #orders(): ThreadOrders {
    const { reader, engine, isBesideAnother, sockets, durations } = this.#options
    return {
      engine,
      sockets: sockets.map(({ fd, family, isWildcard }) => ({ fd, family, isWildcard })),
      reader,
      isBesideAnother,
      stop: this.#stop.buffer,
      heartbeat: this.#heartbeat.buffer,
      udpCounts: this.#udp.buffer,
      engineCounts: this.#engine.buffer,
      durations,
      compileCache: compileCache(),
    }
  }
}

/** Node names the directory of its own version, below the one that it was given. */
function compileCache(): string | undefined {
  const directory = getCompileCacheDir()
  return directory && dirname(directory)
}
