import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type DecodedPacket, decode, encode } from 'dns-packet'
import { RCODE } from '../src/wire/codes.ts'

/** A question, and what its one right answer says: an address or a name; undefined: there is no such name. */
export interface Question {
  readonly name: string
  readonly type: 'AAAA' | 'PTR' | 'SOA'
  readonly answer?: string | undefined
}

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
  async ask(question: Question, timeoutMs: number): Promise<DecodedPacket | undefined> {
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

/** Asks over TCP on a connection of its own. */
export async function askTcp(
  port: number,
  question: Question,
  timeoutMs: number,
): Promise<DecodedPacket | undefined> {
  const socket = connect({ host: '127.0.0.1', port, signal: AbortSignal.timeout(timeoutMs) })
  const message = messageOf(question, 1)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  socket.write(Buffer.concat([length, message]))
  try {
    let received = Buffer.alloc(0)
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer])
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE())
        return decode(received.subarray(2, 2 + received.readUInt16BE()))
    }
  } catch {
    // no connection, or none in time: no answer
  } finally {
    socket.destroy()
  }
  return undefined
}

/** Whether a reply says what the question expects. */
export function isRight(question: Question, reply: DecodedPacket | undefined): boolean {
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

function messageOf({ name, type }: Question, id: number): Buffer {
  return encode({ type: 'query', id, questions: [{ type, name, class: 'IN' }] })
}

function rcodeOf(reply: DecodedPacket): number {
  return (reply.flags ?? 0) & RCODE_MASK
}
