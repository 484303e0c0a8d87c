import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Client } from '../../engine/client.ts'
import type { Respond } from '../../engine/respond.ts'
import { utcSeconds } from '../../shared/clock.ts'
import { DurationCount } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import { ListenFault } from '../listen-fault.ts'

/** Room for any reply: the nameserver keeps UDP replies to 1232 octets (RFC 9715 3.2), this is never the limit. */
const REPLY_SIZE = 4096

/** Takes in a burst while the process is busy: about 16,000 queries. Linux grants at most net.core.rmem_max. */
const RECEIVE_BUFFER = 4 * 1024 * 1024

/** Octets waiting in the process for a socket that won't take them; replies beyond are dropped, the client retries. */
const SEND_QUEUE_LIMIT = 1024 * 1024

/** What a UDP listener has seen since it began. Every datagram ends as a reply, a silence, dropped or an error. */
export interface UdpCounts {
  datagrams: number
  replies: number
  silences: number
  /** Replies not sent because the send queue was full. */
  dropped: number
  /** Errors that the system reported, for a reply or for the socket. */
  errors: number
  /** `respond` threw: a defect of ours. The client heard nothing. */
  faults: number
}

export const NO_UDP_COUNTS: Readonly<UdpCounts> = {
  datagrams: 0,
  replies: 0,
  silences: 0,
  dropped: 0,
  errors: 0,
  faults: 0,
}

/** One UDP socket on one address, so that a reply leaves from the address that was asked (design: no IP_PKTINFO). */
export class UdpListener {
  readonly address: Endpoint
  readonly counts: UdpCounts = { ...NO_UDP_COUNTS }
  readonly durations = new DurationCount()
  readonly #socket: Socket
  readonly #respond: Respond
  readonly #client = new Client('udp')
  #reply = Buffer.allocUnsafeSlow(REPLY_SIZE)

  /** Binds and answers at once. Port 0 is any free one. Rejects with a ListenFault. */
  static async listen(endpoint: Endpoint, respond: Respond): Promise<UdpListener> {
    const socket = open(endpoint)
    try {
      const bound = once(socket, 'listening') // or 'error'; either may come before bind returns
      socket.bind({ address: endpoint.address, port: endpoint.port, exclusive: true })
      await bound
    } catch (error) {
      socket.close()
      throw new ListenFault(endpoint, 'udp', error)
    }
    return new UdpListener(socket, respond)
  }

  /** Takes a bound socket: see `listen`. */
  constructor(socket: Socket, respond: Respond) {
    const { address, port } = socket.address()
    this.address = { address, port }
    this.#socket = socket
    this.#respond = respond
    growReceiveBuffer(socket)
    socket.on('message', (message, source) => this.#receive(message, source))
    // An ICMP error about an earlier reply, or no memory: the next datagram is none the worse for it.
    socket.on('error', () => this.counts.errors++)
  }

  /** Stops answering; resolves when the port is free. */
  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #receive(message: Buffer, source: RemoteInfo): void {
    this.counts.datagrams++
    if (!isAnswerable(source)) {
      this.counts.silences++
      return
    }
    const began = performance.now()
    this.#client.note(source.address, utcSeconds())
    const length = this.#answer(message)
    if (length === 0) {
      this.counts.silences++
      return
    }
    if (this.#socket.getSendQueueSize() > SEND_QUEUE_LIMIT) {
      this.counts.dropped++
      return
    }
    this.#socket.send(this.#reply, 0, length, source.port, source.address, this.#sent)
    // The system took the reply at once, as good as always. Where it did not, the buffer now belongs to the queue.
    if (this.#socket.getSendQueueCount() > 0) this.#reply = Buffer.allocUnsafeSlow(REPLY_SIZE)
    this.durations.note(performance.now() - began, 1)
  }

  #answer(message: Buffer): number {
    try {
      return this.#respond(message, message.length, this.#reply, this.#client)
    } catch {
      this.counts.faults++
      return 0
    }
  }

  // EPERM (a firewall), EMSGSIZE, ENETUNREACH: one client's trouble, never the listener's.
  readonly #sent = (error: Error | null): void => {
    if (error === null) this.counts.replies++
    else this.counts.errors++
  }
}

/** Port 0 can't be answered: nothing listens there, and only a forger sends from it. */
export function isAnswerable(source: Pick<RemoteInfo, 'port'>): boolean {
  return source.port !== 0
}

function open({ address }: Endpoint): Socket {
  const isIpv6 = address.includes(':')
  return createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    ipv6Only: isIpv6, // [::] and 0.0.0.0 can stand side by side
    // Sources are numeric: the look-up that dgram makes before each send would cost a turn of the loop and a copy.
    lookup: (host, _options, found) => found(null, host, isIpv6 ? 6 : 4),
  })
}

function growReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER)
  } catch {
    // The system's own size serves as well, but for bursts.
  }
}
