import type { Socket } from 'node:net'
import { Client } from '../../engine/client.ts'
import type { Conversation, Converse } from '../../engine/conversation.ts'
import { utcSeconds } from '../../shared/clock.ts'
import type { DurationCount } from '../../shared/durations.ts'
import { MessageStream, PREFIX_LENGTH } from './message-stream.ts'

/** Times a connection may take, in milliseconds. */
export interface ConnectionTimes {
  /** Without a query (RFC 7766 6.2.3: "of the order of a few seconds"; Knot's default is 10 s too). */
  readonly idle: number
  /** From the first octet of a query to its last: what a connection on its knees needs for a query of 100 octets. */
  readonly message: number
  /** For taking the replies that wait, once they are more than the high-water mark. */
  readonly drain: number
  /** For a conversation until it is its turn; then it is refused. */
  readonly turn: number
  /** From our FIN to the peer's, so that no RST overtakes the last reply. */
  readonly linger: number
}

/** What the connections of a listener have seen. */
export interface ConnectionCounts {
  queries: number
  replies: number
  /** Queries that got no reply, the connection closed. */
  silences: number
  /** Connections closed for taking too long. */
  timeouts: number
  /** RST, EPIPE and alike. */
  errors: number
  /** `respond` threw: a defect of ours. */
  faults: number
}

export interface ConnectionOptions {
  readonly converse: Converse
  /** Room for the length and the longest reply; used for one reply at a time, so connections may share it. */
  readonly reply: Buffer
  readonly times: ConnectionTimes
  readonly counts: ConnectionCounts
  /** From having a whole query to its reply lying in the socket; conversations are not counted. */
  readonly durations: DurationCount
  /** Called when queries have been answered, or a message of a conversation: the connection is of use. */
  readonly onQuery: (connection: TcpConnection) => void
  readonly onClose: (connection: TcpConnection) => void
}

type Phase = 'idle' | 'message' | 'turn' | 'drain' | 'linger'

/**
 * One DNS client over TCP (RFC 7766). Replies leave in the order of the queries; a reply of several messages is a
 * conversation, of which the next one is asked for when the socket has taken the last.
 *
 *     idle ──octets──▶ message ──last octet──▶ idle        a query comes in
 *     any ──replies above the high-water mark, or a conversation──▶ drain ──taken──▶ idle     nothing is read meanwhile
 *     any ──a conversation that others come before──▶ turn ──its turn──▶ drain            nothing is read meanwhile
 *     any ──FIN, silence, time over──▶ linger ──FIN or time over──▶ closed
 */
export class TcpConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #replyBody: Buffer
  readonly #client = new Client('tcp')
  readonly #address: string
  readonly #stream = new MessageStream()
  #phase: Phase = 'idle'
  #timer: NodeJS.Timeout
  #hasEnded = false
  #conversation: Conversation | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#address = socket.remoteAddress ?? ''
    this.#replyBody = options.reply.subarray(PREFIX_LENGTH)
    this.#timer = setTimeout(this.#expire, options.times.idle)
    socket.setNoDelay(true)
    socket.on('data', segment => this.#receive(segment))
    socket.on('drain', () => this.#resume())
    socket.on('end', () => this.#end())
    socket.on('error', () => options.counts.errors++) // 'close' follows
    socket.on('close', () => this.#closed())
  }

  /** Sends what is waiting, then FIN; cuts the connection off when the peer takes too long over it. */
  finish(): void {
    if (this.#phase === 'linger') return
    this.#closeConversation()
    this.#enter('linger')
    this.#socket.end()
    this.#socket.resume() // what still comes is thrown away: closing on unread octets would send RST
  }

  /** Cuts the connection off at once. */
  destroy(): void {
    this.#closeConversation()
    this.#socket.destroy()
  }

  #receive(segment: Buffer): void {
    if (this.#phase === 'linger') return
    this.#stream.push(segment)
    this.#work()
  }

  #resume(): void {
    if (this.#phase !== 'drain') return
    if (this.#conversation !== undefined) {
      this.#continue()
      return
    }
    this.#enter('idle')
    this.#socket.resume()
    this.#work()
  }

  /**
   * Sends the next message of the conversation. Where the socket has taken it, others have their turn before the one
   * after it, so that a client which reads as fast as we write does not have the process to itself.
   */
  readonly #continue = (): void => {
    const conversation = this.#conversation
    if (conversation === undefined) return // the connection was closed meanwhile
    const length = conversation.next(this.#replyBody, utcSeconds())
    if (length === 0) {
      this.destroy() // RFC 5936 2.2: the client takes nothing of it
      return
    }
    this.#enter('drain')
    this.#options.onQuery(this)
    const isTaken = this.#send(length)
    if (conversation.isDone) this.#closeConversation()
    if (isTaken) setImmediate(this.#conversation === undefined ? this.#afterwards : this.#continue)
  }

  /** Goes on with the queries that came behind the one that the conversation was about. */
  readonly #afterwards = (): void => this.#resume()

  #closeConversation(): void {
    this.#conversation?.close()
    this.#conversation = undefined
  }

  /** False: the peer has not taken all that was sent. */
  #send(length: number): boolean {
    this.#options.counts.replies++
    this.#options.reply.writeUInt16BE(length)
    return this.#socket.write(Buffer.from(this.#options.reply.subarray(0, PREFIX_LENGTH + length)))
  }

  /** A peer that has sent its FIN still waits for its answers. */
  #end(): void {
    this.#hasEnded = true
    if (this.#phase !== 'drain' && this.#phase !== 'turn') this.finish()
  }

  /** Answers the queries at hand; stops at the high-water mark and goes on when the peer has read. */
  #work(): void {
    this.#socket.cork()
    const outcome = this.#answerAll()
    this.#socket.uncork()
    if (outcome === 'full') this.#wait()
    else if (outcome === 'conversation') this.#begin()
    else if (outcome === 'silence' || this.#hasEnded) this.finish()
    else this.#await(outcome)
  }

  /** No query is read until the conversation is over. */
  #begin(): void {
    this.#socket.pause()
    this.#enter('turn')
    this.#conversation?.whenReady(this.#continue)
  }

  /** The peer does not read its replies: neither do we read its queries. */
  #wait(): void {
    this.#socket.pause()
    this.#enter('drain')
  }

  /** The clock of a message runs from its first octet: one more octet does not buy more time. */
  #await(outcome: 'none' | 'answered'): void {
    const phase = this.#stream.isCut ? 'message' : 'idle'
    if (phase !== this.#phase || outcome === 'answered') this.#enter(phase)
  }

  #answerAll(): 'none' | 'answered' | 'silence' | 'full' | 'conversation' {
    let outcome: 'none' | 'answered' = 'none'
    for (let query = this.#stream.next(); query !== undefined; query = this.#stream.next()) {
      outcome = 'answered'
      const began = performance.now()
      const answer = this.#answer(query)
      if (typeof answer !== 'number') {
        this.#conversation = answer
        return 'conversation'
      }
      if (answer === 0) {
        this.#options.counts.silences++
        return 'silence'
      }
      const isTaken = this.#send(answer)
      this.#options.durations.note(performance.now() - began, 1)
      if (!isTaken) return 'full'
    }
    if (outcome === 'answered') this.#options.onQuery(this)
    return outcome
  }

  #answer(query: Uint8Array): number | Conversation {
    this.#options.counts.queries++
    if (query.length === 0) return 0 // nothing to answer, and a loop for whoever sends only these
    this.#client.note(this.#address, utcSeconds())
    try {
      return this.#options.converse(query, query.length, this.#replyBody, this.#client)
    } catch {
      this.#options.counts.faults++
      return 0
    }
  }

  #enter(phase: Phase): void {
    if (phase === this.#phase) {
      this.#timer.refresh()
      return
    }
    this.#phase = phase
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#expire, this.#options.times[phase])
  }

  readonly #expire = (): void => {
    if (this.#phase !== 'idle') this.#options.counts.timeouts++
    if (this.#phase === 'turn') this.#continue()
    else if (this.#phase === 'idle') this.finish()
    else this.destroy()
  }

  #closed(): void {
    clearTimeout(this.#timer)
    this.#closeConversation()
    this.#options.onClose(this)
  }
}
