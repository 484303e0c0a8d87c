import { connect, type Socket } from 'node:net'
import { encode } from 'dns-packet'
import { ORIGIN } from './table.ts'

/** What is taken from the socket at a time, and how often. */
const SIP_OCTETS = 1024
const SIP_MS = 1000
/** A secondary that was cut off asks again, as those that there are do. */
const RETRY_MS = 1000

/**
 * A secondary that asks for the whole zone again and again and hardly reads: 1 KB a second, or, stalled, nothing at all.
 * What the system takes for it is beyond its control, some megabytes at most. `using` ends it.
 */
export class SlowSecondary {
  /** Transfers that were begun, and octets that were read. */
  asked = 0
  octets = 0
  readonly #endpoint: { readonly host: string; readonly port: number; readonly localAddress: string }
  readonly #isStalled: boolean
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined

  /** To 127.0.0.1, from an address of loopback of its own. */
  constructor(
    port: number,
    { address, isStalled }: { readonly address: string; readonly isStalled: boolean },
  ) {
    this.#endpoint = { host: '127.0.0.1', port, localAddress: address }
    this.#isStalled = isStalled
    this.#ask()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#socket?.removeAllListeners('close').destroy()
  }

  #ask(): void {
    this.asked++
    clearTimeout(this.#timer)
    const socket = connect(this.#endpoint)
    this.#socket = socket
    socket.on('error', () => undefined) // 'close' follows
    socket.on('close', () => {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#ask(), RETRY_MS)
    })
    socket.write(axfr())
    if (this.#isStalled) socket.pause()
    else this.#sip(socket)
  }

  #sip(socket: Socket): void {
    const taken: unknown = socket.read(Math.min(SIP_OCTETS, Math.max(1, socket.readableLength)))
    if (taken instanceof Uint8Array) this.octets += taken.length
    this.#timer = setTimeout(() => this.#sip(socket), SIP_MS)
  }
}

function axfr(): Uint8Array {
  const query = encode({ type: 'query', id: 1, questions: [{ type: 'AXFR', name: ORIGIN, class: 'IN' }] })
  const length = Buffer.alloc(2)
  length.writeUInt16BE(query.length)
  return Buffer.concat([length, query])
}
