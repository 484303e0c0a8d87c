import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Customers } from '../registration/customers.ts'

/** How long an address may have too many, in milliseconds: a burst of honest requests has been answered by then. */
const PATIENCE_MS = 1000

/**
 * Bounds the web's connections, for each address and in all. Over a bound the connection that has been silent for
 * longest goes, of the same address first: a crowd from one address crowds out itself, and a visitor who has just come
 * is served. A connection whose request we are working on goes only over the bound of all.
 */
export class ConnectionLimit {
  /** Connections that an address may have: one that has more loses some with the next that it opens. */
  perAddress: number
  readonly #inAll: number
  /** In each address's set, and in `#all`, the one that was heard longest ago comes first. */
  readonly #byAddress = new Map<string, Set<Socket>>()
  readonly #all = new Set<Socket>()
  /** Those whose request has come whole and whose reply is on its way: our work, and soon done. */
  readonly #served = new Set<Socket>()
  readonly #customers: Pick<Customers, 'keyOf'>
  readonly #isExempt: (address: string) => boolean

  /** `isExempt`: trusted proxies carry everybody's connections and are bounded by the total alone. */
  constructor(options: {
    readonly perAddress: number
    readonly inAll: number
    readonly customers: Pick<Customers, 'keyOf'>
    readonly isExempt: (address: string) => boolean
  }) {
    this.perAddress = options.perAddress
    this.#inAll = options.inAll
    this.#customers = options.customers
    this.#isExempt = options.isExempt
  }

  watch(server: Server): void {
    server.on('connection', socket => this.#take(socket))
    server.on('request', (request, response) => this.#serve(request, response))
  }

  #take(socket: Socket): void {
    const key = this.#customerOf(socket)
    const siblings = this.#byAddress.get(key) ?? new Set()
    this.#byAddress.set(key, siblings)
    if (this.#all.size >= this.#inAll) this.#closeOne()
    this.#add(socket, key, siblings)
    if (siblings.size <= this.perAddress || this.#isExempt(socket.remoteAddress ?? '')) return
    const patience = setTimeout(() => this.#trim(siblings), PATIENCE_MS)
    socket.once('close', () => clearTimeout(patience))
  }

  /** Closes what an address has too many, as far as we are not at work on it. */
  #trim(siblings: Set<Socket>): void {
    for (const socket of siblings) {
      if (siblings.size <= this.perAddress) return
      if (!this.#served.has(socket)) close(socket, siblings)
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const serve = () => this.#served.add(socket)
    const { headers } = request
    // RFC 9112 6.3: with neither field there is no body to wait for.
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) serve()
    else request.once('end', serve)
    const done = () => this.#served.delete(socket)
    response.once('finish', done)
    response.once('close', done)
  }

  /** One that we are not at work on, of the address that has most or else of any: a crowd may come from an address each. */
  #closeOne(): void {
    const largest = this.#largest()
    const victim = this.#firstIdle(largest) ?? this.#firstIdle(this.#all) ?? first(largest)
    if (victim === undefined) return
    this.#byAddress.get(this.#customerOf(victim))?.delete(victim)
    close(victim, this.#all)
  }

  #firstIdle(sockets: Set<Socket>): Socket | undefined {
    for (const socket of sockets) if (!this.#served.has(socket)) return socket
    return undefined
  }

  /** The connections of the address that has most: there is one, for the total is reached. */
  #largest(): Set<Socket> {
    let largest = this.#all
    let size = 0
    for (const sockets of this.#byAddress.values()) {
      if (sockets.size <= size) continue
      largest = sockets
      size = sockets.size
    }
    return size > 1 ? largest : this.#all
  }

  /** A connection from a mapped address is the IPv4 host's. */
  #customerOf({ remoteAddress = '' }: Socket): string {
    const [address = ''] = remoteAddress.split('%')
    return this.#customers.keyOf({ address: address.replace(/^::ffff:(?=[0-9.]+$)/, '') })
  }

  #add(socket: Socket, key: string, siblings: Set<Socket>): void {
    const moveToEnd = () => {
      for (const set of [siblings, this.#all]) if (set.delete(socket)) set.add(socket)
    }
    siblings.add(socket)
    this.#all.add(socket)
    socket.on('data', moveToEnd)
    socket.once('close', () => {
      siblings.delete(socket)
      this.#all.delete(socket)
      if (siblings.size === 0 && this.#byAddress.get(key) === siblings) this.#byAddress.delete(key)
    })
  }
}

function first(sockets: Set<Socket>): Socket | undefined {
  const [socket] = sockets
  return socket
}

/** It leaves the set at once, though its 'close' comes later. */
function close(socket: Socket, sockets: Set<Socket>): void {
  sockets.delete(socket)
  socket.destroy()
}
