import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket as TcpSocket } from 'node:net'
import { type DecodedPacket, decode, encode } from 'dns-packet'
import { RCODE } from '../src/wire/codes.ts'

/** A question, and what its one right answer says: an address or a name; undefined: there is no such name. */
export interface Question {
  readonly name: string
  readonly type: 'AAAA' | 'PTR' | 'SOA'
  readonly answer?: string | undefined
}

export type Reply = DecodedPacket

const RCODE_MASK = 0xf
const MAX_ID = 0xffff

/** One UDP socket that asks one question after the other. `using` it closes it. */
export class UdpAsker {
  readonly #socket: Socket
  readonly #port: number
  #id = 0

  /** On 127.0.0.1. */
  constructor(port: number) {
    this.#port = port
    this.#socket = createSocket('udp4')
    this.#socket.on('error', () => undefined) // nobody listens yet: the time-out says so
  }

  /** The reply, or undefined where none came in time. */
  async ask(question: Question, timeoutMs: number): Promise<Reply | undefined> {
    const id = this.#nextId()
    this.#socket.send(messageOf(question, id), this.#port, '127.0.0.1')
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      for (;;) {
        const [message] = (await once(this.#socket, 'message', { signal: deadline })) as [Buffer]
        const reply = decode(message)
        if (reply.id === id) return reply
      }
    } catch {
      return undefined
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }

  #nextId(): number {
    this.#id = (this.#id + 1) & MAX_ID
    return this.#id
  }
}

/** One TCP connection that asks one question after the other. `using` closes it. */
class TcpAsker {
  readonly #socket: TcpSocket
  #received: Buffer = Buffer.alloc(0)
  #id = 0

  private constructor(socket: TcpSocket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => undefined) // the time-out says so
  }

  /** To 127.0.0.1. */
  static async connect(port: number): Promise<TcpAsker> {
    const socket = connect({ host: '127.0.0.1', port })
    await once(socket, 'connect')
    return new TcpAsker(socket)
  }

  /** The reply, or undefined where none came in time. */
  async ask(question: Question, timeoutMs: number): Promise<Reply | undefined> {
    this.#id = (this.#id + 1) & MAX_ID
    const message = messageOf(question, this.#id)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(message.length)
    this.#socket.write(Buffer.concat([length, message]))
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      for (;;) {
        const [segment] = (await once(this.#socket, 'data', { signal: deadline })) as [Buffer]
        const reply = this.#replyIn(segment)
        if (reply !== undefined) return reply
      }
    } catch {
      return undefined
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #replyIn(segment: Buffer): Reply | undefined {
    this.#received = Buffer.concat([this.#received, segment])
    if (this.#received.length < 2) return undefined
    const end = 2 + this.#received.readUInt16BE()
    if (this.#received.length < end) return undefined
    const message = this.#received.subarray(2, end)
    this.#received = this.#received.subarray(end)
    return decode(message)
  }
}

/** Asks over TCP on a connection of its own. */
export async function askTcp(
  port: number,
  question: Question,
  timeoutMs: number,
): Promise<Reply | undefined> {
  try {
    using asker = await TcpAsker.connect(port)
    return await asker.ask(question, timeoutMs)
  } catch {
    return undefined // no connection: no answer
  }
}

/** Whether a reply says what the question expects. */
export function isRight(question: Question, reply: Reply | undefined): boolean {
  if (reply === undefined) return false
  const answers = (reply.answers ?? []).filter(record => record.type === question.type)
  if (question.answer === undefined) return rcodeOf(reply) === RCODE.NXDOMAIN && answers.length === 0
  const [first] = answers
  return (
    rcodeOf(reply) === RCODE.NOERROR &&
    first !== undefined &&
    'data' in first &&
    first.data === question.answer
  )
}

/** The query as it goes out, with recursion not asked for. */
export function messageOf({ name, type }: Question, id: number): Buffer {
  return encode({ type: 'query', id, questions: [{ type, name, class: 'IN' }] })
}

/** Reads a message that came back. */
export function replyOf(message: Buffer): Reply {
  return decode(message)
}

function rcodeOf(reply: Reply): number {
  return (reply.flags ?? 0) & RCODE_MASK
}
