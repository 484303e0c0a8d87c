import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv6, parseIpv6 } from '../../address/ipv6.ts'
import type { Converse } from '../../engine/conversation.ts'
import { DurationCount } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { HeldSockets } from '../held-sockets.ts'
import { ListenFault } from '../listen-fault.ts'
import { BACKLOG } from '../open-stream.ts'
import { Crowd } from './crowd.ts'
import { PREFIX_LENGTH } from './message-stream.ts'
import { type ConnectionCounts, type ConnectionTimes, TcpConnection } from './tcp-connection.ts'

/** Bounds of a TCP listener. */
export interface TcpLimits {
  /** Connections in all. At most about 200 KB each where the peers are hostile: 400 MB. */
  readonly connections: number
  /** Connections from one IPv4 address or one IPv6 /64: nobody alone can take them all. */
  readonly connectionsAnAddress: number
  /** Octets of replies waiting in the process for one peer, but for the reply that goes over. */
  readonly highWater: number
  readonly times: ConnectionTimes
}

export const TCP_LIMITS: TcpLimits = {
  connections: 2000,
  connectionsAnAddress: 500,
  highWater: 65_536,
  times: { idle: 10_000, message: 10_000, drain: 10_000, turn: 60_000, linger: 2_000 },
}

/** RFC 1035 4.2.2: what a length of two octets can say. */
const MAX_MESSAGE = 65_535

/** How long `close` lets peers take their last replies. */
const CLOSE_GRACE_MS = 500

export interface TcpCounts extends ConnectionCounts {
  connections: number
  /** Connections closed to make room for a new one. */
  evictions: number
}

export const NO_TCP_COUNTS: Readonly<TcpCounts> = {
  connections: 0,
  evictions: 0,
  queries: 0,
  replies: 0,
  silences: 0,
  timeouts: 0,
  errors: 0,
  faults: 0,
}

/**
 * DNS over TCP on one address (RFC 7766, RFC 9210). Where a limit is reached, the connection that has been without
 * a query for the longest makes room (RFC 7766 6.2.3 lets a server close those): a new client is always heard, and
 * holding connections open without asking gains nothing.
 */
export class TcpListener {
  readonly address: Endpoint
  readonly counts: TcpCounts = { ...NO_TCP_COUNTS }
  readonly durations = new DurationCount()
  readonly #server: Server
  readonly #converse: Converse
  readonly #limits: TcpLimits
  /** One for all connections: a reply is copied out of it before the next is written. */
  readonly #reply = Buffer.allocUnsafeSlow(PREFIX_LENGTH + MAX_MESSAGE)
  readonly #connections: Crowd<TcpConnection>
  /** Resolves when the port is free; undefined while it is listened on. */
  #closed: Promise<unknown> | undefined

  /** Binds and answers at once; on a socket that is held, if there are any. Port 0 is any free one. Rejects with a ListenFault. */
  static async listen(
    endpoint: Endpoint,
    converse: Converse,
    {
      limits = TCP_LIMITS,
      sockets,
    }: { readonly limits?: TcpLimits; readonly sockets?: HeldSockets | undefined } = {},
  ): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true, highWaterMark: limits.highWater })
    await listenOn(server, endpoint, sockets?.stream('tcp', endpoint))
    return new TcpListener(server, converse, { limits, event: 'connection' })
  }

  /** Takes a bound server: see `listen`. `event` is what it tells of a connection that can be talked over. */
  constructor(
    server: Server,
    converse: Converse,
    { limits, event }: { readonly limits: TcpLimits; readonly event: 'connection' | 'secureConnection' },
  ) {
    this.address = boundAddress(server)
    this.#server = server
    this.#converse = converse
    this.#limits = limits
    this.#connections = new Crowd({ total: limits.connections, anAddress: limits.connectionsAnAddress })
    server.on(event, (socket: Socket) => this.#accept(socket))
    server.on('error', () => this.counts.errors++) // no descriptor left: the next connection may find one
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#connections.size
  }

  /** Accepts no more, and answers those who are connected until all have gone, for `milliseconds` at most. */
  async drain(milliseconds: number): Promise<void> {
    await Promise.race([this.#closeServer(), sleep(milliseconds, undefined, { ref: false })])
  }

  /** Accepts no more, lets peers take what is on its way for half a second; resolves when the port is free. */
  async close(): Promise<void> {
    const closed = this.#closeServer()
    for (const connection of this.#connections.members()) connection.finish()
    await Promise.race([closed, sleep(CLOSE_GRACE_MS)])
    for (const connection of this.#connections.members()) connection.destroy()
    await closed
  }

  #closeServer(): Promise<unknown> {
    this.#closed ??= once(this.#server, 'close')
    this.#server.close()
    return this.#closed
  }

  #accept(socket: Socket): void {
    this.counts.connections++
    const key = addressKey(socket.remoteAddress)
    if (key === undefined) {
      this.#refuse(socket)
      return
    }
    const former = this.#connections.inTheWayOf(key)
    if (former !== undefined) this.#evict(former)
    const connection = new TcpConnection(socket, {
      converse: this.#converse,
      reply: this.#reply,
      times: this.#limits.times,
      counts: this.counts,
      durations: this.durations,
      onQuery: used => this.#connections.noteUse(used),
      onClose: gone => this.#connections.forget(gone),
    })
    this.#connections.add(connection, key)
  }

  /** The peer went away before it was seen. */
  #refuse(socket: Socket): void {
    socket.on('error', () => this.counts.errors++)
    socket.destroy()
  }

  #evict(connection: TcpConnection): void {
    this.counts.evictions++
    this.#connections.forget(connection)
    connection.destroy()
  }
}

/** Has a server listen on a socket that is open, or on one of its own. Rejects with a ListenFault. */
export async function listenOn(server: Server, endpoint: Endpoint, fd: number | undefined): Promise<void> {
  try {
    if (fd !== undefined) server.listen({ fd, backlog: BACKLOG })
    else server.listen({ host: endpoint.address, port: endpoint.port, ipv6Only: true, exclusive: true })
    await once(server, 'listening')
  } catch (error) {
    throw new ListenFault(endpoint, 'tcp', error)
  }
}

/** Whose connections are counted together: an IPv4 address, or an IPv6 /64, which every host has to itself. */
export function addressKey(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const octets = parseIpv6(address.split('%')[0] ?? '')
  if (octets === undefined) return address
  return formatIpv6(octets.fill(0, 8))
}

function boundAddress(server: Server): Endpoint {
  const bound = server.address()
  if (bound === null || typeof bound === 'string')
    throw new TypeError('a TCP server has an address and a port')
  return { address: bound.address, port: bound.port }
}
