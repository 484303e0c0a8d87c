import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Replies that have not ended: how many there are, and the one that a connection carries now. They stand in no Set: as
 * members come and go V8 makes it new tables, and a former table, with all that stood in it and all tables after it,
 * outlives every collection of young objects, which takes three times as long then.
 */
export class RepliesUnderWay {
  #count = 0
  /** Of pipelined requests a connection has several. */
  readonly #ofSocket = new WeakMap<Duplex, ServerResponse[]>()

  get count(): number {
    return this.#count
  }

  watch(server: Server): void {
    server.on('request', ({ socket }, response) => {
      const replies = this.#ofSocket.get(socket) ?? []
      this.#ofSocket.set(socket, replies)
      replies.push(response)
      this.#count++
      response.once('close', () => {
        replies.splice(replies.indexOf(response), 1)
        this.#count--
      })
    })
  }

  /** Undefined: it carries none. */
  of(socket: Duplex): ServerResponse | undefined {
    return this.#ofSocket.get(socket)?.find(({ socket: own }) => own === socket)
  }
}
