import koffi from 'koffi'
import { messageOf, type Question, type Reply, replyOf } from './question.ts'

const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const LONGEST_MESSAGE = 0xffff
const MAX_ID = 0xffff

const libc = koffi.load(null)
const socket = libc.func('int socket(int family, int type, int protocol)')
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
)
const connect = libc.func('int connect(int fd, const void *address, uint32_t length)')
const send = libc.func('long send(int fd, const void *octets, size_t length, int flags)')
const recv = libc.func('long recv(int fd, void *octets, size_t length, int flags)')
const close = libc.func('int close(int fd)')

/** A reply, and how long it took from the system call that sent the question to the one that brought it. */
export interface TimedReply {
  /** Undefined where none came in time. */
  readonly reply: Reply | undefined
  readonly milliseconds: number
}

/**
 * A client that waits in the system call, so that no event loop of ours is in what it measures: nothing else happens in
 * this process meanwhile. `using` closes its socket.
 */
export class BlockingAsker {
  readonly #fd: number
  readonly #isStream: boolean
  readonly #room = Buffer.alloc(LONGEST_MESSAGE + 2)
  #id = 0

  /** To 127.0.0.1. A question waits for its reply for so long. */
  constructor(transport: 'udp' | 'tcp', port: number, timeoutMs: number) {
    this.#isStream = transport === 'tcp'
    this.#fd = socket(AF_INET, this.#isStream ? SOCK_STREAM : SOCK_DGRAM, 0)
    const seconds = BigInt64Array.of(BigInt(Math.trunc(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000))
    setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, seconds, seconds.byteLength)
    if (this.#isStream) setsockopt(this.#fd, IPPROTO_TCP, TCP_NODELAY, Int32Array.of(1), 4)
    const address = Uint8Array.of(AF_INET, 0, port >> 8, port, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    if (connect(this.#fd, address, address.length) !== 0) throw new Error(`nobody listens on port ${port}`)
  }

  ask(question: Question): TimedReply {
    this.#id = (this.#id + 1) & MAX_ID
    const message = messageOf(question, this.#id)
    const sent = this.#isStream ? framed(message) : message
    const started = performance.now()
    send(this.#fd, sent, sent.length, 0)
    const received = this.#isStream ? this.#receiveFramed() : this.#receiveOwn()
    const milliseconds = performance.now() - started
    return { reply: received && replyOf(received), milliseconds }
  }

  [Symbol.dispose](): void {
    close(this.#fd)
  }

  /** The datagram that has our id; one that came too late for an earlier question is passed over. */
  #receiveOwn(): Buffer | undefined {
    for (;;) {
      const length = Number(recv(this.#fd, this.#room, this.#room.length, 0))
      if (length < 2) return undefined
      if (this.#room.readUInt16BE(0) === this.#id) return this.#room.subarray(0, length)
    }
  }

  #receiveFramed(): Buffer | undefined {
    let length = 0
    while (length < 2 || length < 2 + this.#room.readUInt16BE(0)) {
      const more = Number(recv(this.#fd, this.#room.subarray(length), this.#room.length - length, 0))
      if (more <= 0) return undefined
      length += more
    }
    return this.#room.subarray(2, length)
  }
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
