import { Nameserver, type NameserverOptions } from '../../engine/nameserver.ts'
import { ReaderSlot } from '../../zone/reader-slot.ts'
import type { Libc } from '../libc.ts'
import { BatchLoop } from '../udp/batch-loop.ts'
import { ADDRESS_ROOM, socketAddress } from '../udp/socket-address.ts'
import {
  BATCH,
  HEAD_WORDS,
  MEMORY_LENGTH,
  MMSGHDR,
  QUERIES,
  QUERY_STRIDE,
  SOURCES,
} from '../udp/socket-memory.ts'
import { Presence } from './presence.ts'
import { rehearsalEngine, rehearsalQueries } from './rehearsal-queries.ts'

/** After these an answer's way has been compiled: the first thousand cost thirty times as much as the last. */
const QUERIES_ANSWERED = 16_384
/** On a slow machine, or a busy one, this has to do. */
const LONGEST_MS = 2000

/**
 * Answers made-up queries, so that the code of a new thread is compiled before somebody's query comes to it: until then
 * one costs some 50 µs, and a thread that takes over the sockets of a busy one would let them overflow. The way is that
 * of real queries, system calls left out.
 */
export class Rehearsal {
  readonly #loop: BatchLoop
  readonly #end = performance.now() + LONGEST_MS
  #answered = 0

  constructor(libc: Libc, engine: NameserverOptions) {
    const options = rehearsalEngine(engine)
    const nameserver = new Nameserver(options)
    this.#loop = new BatchLoop({
      libc: stageOf(libc, rehearsalQueries()),
      sockets: [{ fd: -1, family: 4, isWildcard: false }],
      respond: (query, length, reply, client) => nameserver.respond(query, length, reply, client),
      presence: new Presence(new ReaderSlot(options.catalog.buffer, 0)),
    })
  }

  get isOver(): boolean {
    return this.#answered >= QUERIES_ANSWERED || performance.now() > this.#end
  }

  /** Answers a batch. */
  goOn(): void {
    this.#answered += this.#loop.answerWaiting()
  }
}

/** The same, but a batch of queries is always there, and replies go nowhere. */
function stageOf(libc: Libc, queries: readonly Uint8Array[]): Libc {
  const source = socketAddress({ address: '127.0.0.1', port: 53 })
  let octets: Uint8Array = new Uint8Array(0)
  let words: Int32Array = new Int32Array(0)
  let next = 0
  return {
    ...libc,
    adviseHugePages: () => 0,
    addressOf: memory => {
      if (memory.length === MEMORY_LENGTH) {
        octets = memory
        words = new Int32Array(memory.buffer)
      }
      return libc.addressOf(memory)
    },
    recvmmsg: () => {
      for (let i = 0; i < BATCH; i++) {
        const query = queries[next] ?? source
        next = (next + 1) % queries.length
        octets.set(query, QUERIES + i * QUERY_STRIDE)
        octets.set(source, SOURCES + i * ADDRESS_ROOM)
        words[i * HEAD_WORDS + MMSGHDR.received] = query.length
      }
      return BATCH
    },
    sendmmsg: (_fd, _heads, count) => count,
  }
}
