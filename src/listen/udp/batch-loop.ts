/** Answers the datagrams of some sockets, batch by batch, in the thread that calls it. */

import { Client } from '../../engine/client.ts'
import type { Respond } from '../../engine/respond.ts'
import { utcSeconds } from '../../shared/clock.ts'
import { DurationCount } from '../../shared/durations.ts'
import { type Libc, MSG_DONTWAIT, MSG_WAITFORONE, POLLIN } from '../libc.ts'
import type { Presence } from '../threads/presence.ts'
import { BatchSocket, type BoundSocket } from './batch-socket.ts'
import { NO_UDP_COUNTS, type UdpCounts } from './dgram-listener.ts'
import { PollSet } from './poll-set.ts'
import { BATCH } from './socket-memory.ts'

export class BatchLoop {
  readonly counts: UdpCounts = { ...NO_UDP_COUNTS }
  readonly #sockets: readonly BatchSocket[]
  readonly #readable: PollSet
  readonly #respond: Respond
  readonly #presence: Presence
  readonly #durations: DurationCount
  readonly #client = new Client('udp')
  /** The socket whose datagrams are being answered, and how many there are. */
  #current: BatchSocket | undefined
  #received = 0

  constructor(options: {
    readonly libc: Libc
    readonly sockets: readonly BoundSocket[]
    readonly respond: Respond
    readonly presence: Presence
    /** From taking a batch to having sent it: that is how long each of its datagrams took. */
    readonly durations?: DurationCount
  }) {
    const { libc, sockets, respond, presence, durations = new DurationCount() } = options
    this.#sockets = sockets.map(socket => new BatchSocket(libc, socket))
    this.#readable = new PollSet(
      libc,
      sockets.map(({ fd }) => fd),
      POLLIN,
    )
    this.#respond = respond
    this.#presence = presence
    this.#durations = durations
  }

  /**
   * Answers what comes, until `isStopped` says so. It is asked after each batch, and when nothing has come for
   * `patienceMs`.
   */
  run(isStopped: () => boolean, patienceMs: number): void {
    const [only, ...others] = this.#sockets
    const waits = others.length === 0
    while (!isStopped()) {
      if (waits && only !== undefined) this.#answerBatch(only, MSG_WAITFORONE)
      else if (this.answerWaiting() === 0) this.#readable.wait(patienceMs)
    }
  }

  /** Answers a batch of each socket without waiting; returns how many datagrams there were. */
  answerWaiting(): number {
    let answered = 0
    for (const socket of this.#sockets) answered += this.#answerBatch(socket, MSG_DONTWAIT)
    return answered
  }

  #answerBatch(socket: BatchSocket, flags: number): number {
    const received = socket.receive(flags)
    if (received === 0) return 0
    const began = performance.now()
    this.counts.datagrams += received
    this.#client.seconds = utcSeconds()
    this.#current = socket
    this.#received = Math.min(received, BATCH)
    this.#presence.during(this.#answerReceived)
    socket.send(this.counts)
    this.#durations.note(performance.now() - began, received)
    return received
  }

  /** Made once: a closure for every batch would be garbage. */
  readonly #answerReceived = (): void => {
    const socket = this.#current
    for (let i = 0; socket !== undefined && i < this.#received; i++) this.#answer(socket, i)
  }

  #answer(socket: BatchSocket, index: number): void {
    const query = socket.queries[index]
    if (query === undefined || !socket.noteSource(index, this.#client)) {
      this.counts.silences++
      return
    }
    let length = 0
    try {
      length = this.#respond(query, socket.queryLength(index), socket.nextReply, this.#client)
    } catch {
      this.counts.faults++
    }
    if (length === 0) this.counts.silences++
    else socket.queue(index, length)
  }
}
