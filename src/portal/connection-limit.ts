import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { addressOctets } from '../address/prefix.ts'

/** Octets of an address that one customer has: an IPv4 /32, an IPv6 /56. */
const IPV4_OCTETS = 4
const IPV6_OCTETS = 7

/**
 * Bounds the web's connections, for each address and in all. Over a bound the connection that has been silent for
 * longest goes, of the same address first: a crowd from one address crowds out itself, and a visitor who has just come
 * is served.
 */
export class ConnectionLimit {
  readonly #perAddress: number
  readonly #inAll: number
  /** In each address's set, and in `#all`, the one that was heard longest ago comes first. */
  readonly #byAddress = new Map<string, Set<Socket>>()
  readonly #all = new Set<Socket>()
  readonly #isExempt: (address: string) => boolean

  /** `isExempt`: trusted proxies carry everybody's connections and are bounded by the total alone. */
  constructor(options: {
    readonly perAddress: number
    readonly inAll: number
    readonly isExempt: (address: string) => boolean
  }) {
    this.#perAddress = options.perAddress
    this.#inAll = options.inAll
    this.#isExempt = options.isExempt
  }

  watch(server: Server): void {
    server.on('connection', socket => this.#take(socket))
  }

  #take(socket: Socket): void {
    const key = customerOf(socket.remoteAddress ?? '')
    const siblings = this.#byAddress.get(key) ?? new Set()
    this.#byAddress.set(key, siblings)
    if (siblings.size >= this.#perAddress && !this.#isExempt(socket.remoteAddress ?? '')) evictFirst(siblings)
    if (this.#all.size >= this.#inAll) evictFirst(this.#largest())
    this.#add(socket, key, siblings)
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

/** It leaves the set at once, though its 'close' comes later. */
function evictFirst(sockets: Set<Socket>): void {
  const [first] = sockets
  if (first === undefined) return
  sockets.delete(first)
  first.destroy()
}

/** A connection from a mapped address is the IPv4 host's. */
function customerOf(address: string): string {
  const octets = addressOctets((address.split('%')[0] ?? '').replace(/^::ffff:(?=[0-9.]+$)/, ''))
  if (octets === undefined) return address
  return Buffer.from(octets.subarray(0, octets.length === 4 ? IPV4_OCTETS : IPV6_OCTETS)).toString('hex')
}
