import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { decode, encode, streamDecode, streamEncode } from 'dns-packet'
import type { Endpoint } from '../src/shared/endpoint.ts'

/** What a sender asks, and the data that the answer must have. */
export interface Asked {
  readonly name: string
  readonly type: 'A' | 'AAAA'
  readonly data: string
}

export interface Ledger {
  sent: number
  answered: number
  wrong: string[]
}

const TICK_MS = 5
/** What this process has missed of its pace is not caught up in a burst: replies would overrun its own buffer. */
const MOST_AT_ONCE_MS = 20
/** A query that was not answered by then is lost: a restart may hold one up, but nothing is sent twice. */
const LAST_WAIT_MS = 15_000
const IDS = 65_536
/** Each takes some 250 replies at once, in the buffer that the system gives: what has waited is answered in one burst. */
const SOCKETS = 32

/** Asks over UDP at an even pace and holds every answer against what it must be; no query is sent again. */
export class PacedSender {
  readonly udp: Ledger = { sent: 0, answered: 0, wrong: [] }
  readonly tcp: Ledger = { sent: 0, answered: 0, wrong: [] }
  readonly #endpoint: Endpoint
  readonly #asked: readonly Asked[]
  readonly #sockets: readonly Socket[]
  readonly #waiting = new Map<number, Asked>()
  #isStopped = false
  #isClosed = false
  #ended: Promise<unknown> = Promise.resolve()

  /** Sends `perSecond` queries over UDP until it is stopped, and one connection after the other over TCP. */
  constructor(endpoint: Endpoint, options: { readonly asked: readonly Asked[]; readonly perSecond: number }) {
    this.#endpoint = endpoint
    this.#asked = options.asked
    this.#sockets = Array.from({ length: SOCKETS }, () =>
      createSocket(endpoint.address.includes(':') ? 'udp6' : 'udp4').on('message', message =>
        this.#take(message),
      ),
    )
    this.#ended = Promise.all([this.#send(options.perSecond), this.#connectAgainAndAgain()])
  }

  /** Sends no more, whatever is still to come. */
  [Symbol.dispose](): void {
    this.#isStopped = true
    if (!this.#isClosed) for (const socket of this.#sockets) socket.close()
    this.#isClosed = true
  }

  /** Sends no more and waits for what is still to come. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
    const end = performance.now() + LAST_WAIT_MS
    while (this.#waiting.size > 0 && performance.now() < end) await sleep(TICK_MS)
    this[Symbol.dispose]()
  }

  async #send(perSecond: number): Promise<void> {
    const most = Math.ceil((perSecond * MOST_AT_ONCE_MS) / 1000)
    let debt = 0
    for (let last = performance.now(); !this.#isStopped; await sleep(TICK_MS)) {
      const now = performance.now()
      debt = Math.min(debt + ((now - last) / 1000) * perSecond, most)
      last = now
      for (; debt >= 1; debt--) this.#sendOne()
    }
  }

  #sendOne(): void {
    const asked = this.#asked[this.udp.sent % this.#asked.length]
    if (asked === undefined) return
    const id = this.udp.sent++ % IDS
    this.#waiting.set(id, asked)
    this.#sockets[id % SOCKETS]?.send(queryOf(id, asked), this.#endpoint.port, this.#endpoint.address)
  }

  #take(message: Buffer): void {
    const { id = -1 } = decode(message)
    const asked = this.#waiting.get(id)
    if (asked === undefined) {
      this.udp.wrong.push(`an answer that nobody waits for: ${id}`)
      return
    }
    this.#waiting.delete(id)
    this.udp.answered++
    check(message, asked, this.udp)
  }

  /** A connection has three queries, some time apart, so that restarts come between them. */
  async #connectAgainAndAgain(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#converse()
      } catch (error) {
        this.tcp.wrong.push(String(error))
        await sleep(TICK_MS)
      }
    }
  }

  async #converse(): Promise<void> {
    const socket = connect(this.#endpoint.port, this.#endpoint.address)
    socket.setTimeout(LAST_WAIT_MS, () => socket.destroy(new Error('a connection was not answered')))
    await once(socket, 'connect')
    for (let turn = 0; turn < 3; turn++) {
      const asked = this.#asked[this.tcp.sent % this.#asked.length]
      if (asked === undefined) break
      this.tcp.sent++
      socket.write(streamEncode({ type: 'query', id: turn, flags: 0, questions: [questionOf(asked)] }))
      const [reply] = await once(socket, 'data')
      check(reply.subarray(2), asked, this.tcp)
      streamDecode(reply)
      this.tcp.answered++
      await sleep(20)
    }
    socket.end()
    await once(socket, 'close')
  }
}

function queryOf(id: number, asked: Asked): Buffer {
  return encode({ type: 'query', id, flags: 0, questions: [questionOf(asked)] })
}

function questionOf({ name, type }: Asked) {
  return { type, name, class: 'IN' } as const
}

function check(message: Buffer, { name, data }: Asked, ledger: Ledger): void {
  const { answers = [], rcode } = decode(message) as ReturnType<typeof decode> & { readonly rcode?: string }
  const found = answers.map(answer => ('data' in answer ? String(answer.data) : '')).join()
  if (found !== data) ledger.wrong.push(`${name}: ${rcode} ${found} in place of ${data}`)
}
