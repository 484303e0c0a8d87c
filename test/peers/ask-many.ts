import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { framed } from '../ask.ts'

const WINDOW = 64
const RESEND_MS = 1000
/** A query that was sent so often is one that the server does not answer. */
const MAX_SENDS = 6
/** Without any reply for so long, the server is taken for dead. */
const SILENCE_MS = 30_000
const RECEIVE_BUFFER = 4 << 20
const PREFIX_LENGTH = 2

export type Replies = readonly (Buffer | undefined)[]

/**
 * Asks a server all the queries over UDP, many at a time, and returns the replies in the order of the queries, undefined
 * for those that it leaves without a reply. Each query gets an id of its own. Rejects where the server falls silent.
 */
export function askManyUdp(server: Endpoint, queries: readonly Buffer[]): Promise<Replies> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER })
  const asking = new Asking(queries, query => socket.send(query, server.port, server.address))
  socket.on('message', reply => asking.take(reply))
  socket.on('error', error => asking.fail(error))
  const timer = setInterval(() => asking.resend(), RESEND_MS)
  socket.bind(0, '127.0.0.1', () => asking.start())
  return asking.done.finally(() => {
    clearInterval(timer)
    socket.close()
  })
}

/** The same over one TCP connection. */
export function askManyTcp(server: Endpoint, queries: readonly Buffer[]): Promise<Replies> {
  const socket = connect({ host: server.address, port: server.port })
  const asking = new Asking(queries, query => socket.write(framed(query)))
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', segment => {
    received = Buffer.concat([received, segment])
    while (received.length >= PREFIX_LENGTH && received.length >= PREFIX_LENGTH + received.readUInt16BE()) {
      const end = PREFIX_LENGTH + received.readUInt16BE()
      asking.take(received.subarray(PREFIX_LENGTH, end))
      received = received.subarray(end)
    }
  })
  socket.on('error', error => asking.fail(error))
  socket.on('close', () => asking.fail(new Error('the server closed the connection')))
  socket.on('connect', () => asking.start())
  socket.setTimeout(SILENCE_MS, () => asking.fail(new Error('no reply over TCP')))
  return asking.done.finally(() => socket.destroy())
}

/** Which queries are on their way, which have their reply. */
class Asking {
  readonly #queries: readonly Buffer[]
  readonly #send: (query: Buffer) => void
  readonly #replies: (Buffer | undefined)[]
  readonly #finish = Promise.withResolvers<Replies>()
  /** By id: which query it is, when it was sent last, and how often. */
  readonly #pending = new Map<number, { readonly index: number; sent: number; sends: number }>()
  #next = 0
  #left: number
  #heard = performance.now()

  constructor(queries: readonly Buffer[], send: (query: Buffer) => void) {
    this.#queries = queries
    this.#send = send
    this.#replies = new Array(queries.length)
    this.#left = queries.length
    if (queries.length === 0) this.#finish.resolve([])
  }

  get done(): Promise<Replies> {
    return this.#finish.promise
  }

  start(): void {
    while (this.#pending.size < WINDOW && this.#next < this.#queries.length) {
      const index = this.#next++
      this.#pending.set(index & 0xffff, { index, sent: performance.now(), sends: 1 })
      this.#sendQuery(index)
    }
  }

  take(reply: Buffer): void {
    if (reply.length < PREFIX_LENGTH) return
    const id = reply.readUInt16BE(0)
    const pending = this.#pending.get(id)
    if (pending === undefined) return // the reply to a query that was sent twice
    this.#heard = performance.now()
    this.#replies[pending.index] = Buffer.from(reply)
    this.#settle(id)
  }

  resend(): void {
    const now = performance.now()
    if (now - this.#heard > SILENCE_MS) this.fail(new Error('no reply over UDP'))
    for (const [id, pending] of [...this.#pending]) {
      if (now - pending.sent < RESEND_MS) continue
      if (pending.sends === MAX_SENDS) {
        this.#settle(id)
        continue
      }
      pending.sent = now
      pending.sends++
      this.#sendQuery(pending.index)
    }
  }

  #settle(id: number): void {
    this.#pending.delete(id)
    if (--this.#left === 0) this.#finish.resolve(this.#replies)
    this.start()
  }

  fail(error: Error): void {
    this.#finish.reject(error)
  }

  #sendQuery(index: number): void {
    const query = Buffer.from(this.#queries[index] ?? [])
    query.writeUInt16BE(index & 0xffff, 0)
    this.#send(query)
  }
}
