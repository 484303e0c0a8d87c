import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint } from '../shared/endpoint.ts'

type Family = 'udp4' | 'udp6'
type Failed = (reason: string) => void

interface Outlet {
  readonly socket: Socket
  /** Of what the system has not taken yet. */
  readonly waiting: Set<Failed>
}

/** The sockets that NOTIFYs leave from, one for each family of addresses, made when the first is sent. */
export class NotifySockets {
  readonly #source: string
  readonly #onReply: (reply: Uint8Array, from: Endpoint) => void
  readonly #sockets = new Map<Family, Outlet>()

  /** `source` is the address that they leave from if it is of the secondary's family; empty: the system chooses. */
  constructor(source: string, onReply: (reply: Uint8Array, from: Endpoint) => void) {
    this.#source = source
    this.#onReply = onReply
  }

  /** `failed` is called with the reason if the system does not take it. */
  send(octets: Uint8Array, to: Endpoint, failed: Failed): void {
    const { socket, waiting } = this.#outlet(familyOf(to.address))
    waiting.add(failed)
    socket.send(octets, to.port, to.address, error => {
      if (waiting.delete(failed) && error !== null) failed(error.message)
    })
  }

  close(): void {
    for (const { socket } of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  #outlet(family: Family): Outlet {
    const open = this.#sockets.get(family)
    if (open !== undefined) return open
    const socket = createSocket(family)
    socket.on('message', (reply, { address, port }) => this.#onReply(reply, { address, port }))
    const outlet = { socket, waiting: new Set<Failed>() }
    socket.on('error', ({ message }) => this.#drop(family, outlet, message))
    const isOurs = this.#source !== '' && familyOf(this.#source) === family
    socket.bind({ port: 0, exclusive: true, ...(isOurs && { address: this.#source }) })
    socket.unref()
    this.#sockets.set(family, outlet)
    return outlet
  }

  /** The next NOTIFY makes a new one: an address that was not there may have come. */
  #drop(family: Family, outlet: Outlet, reason: string): void {
    if (this.#sockets.get(family) === outlet) this.#sockets.delete(family)
    outlet.socket.close()
    // One that can't be bound says nothing of what waits in it.
    for (const failed of outlet.waiting) failed(reason)
    outlet.waiting.clear()
  }
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'udp6' : 'udp4'
}
