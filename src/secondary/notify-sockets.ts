import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint } from '../shared/endpoint.ts'

type Family = 'udp4' | 'udp6'

/** The sockets that NOTIFYs leave from, one for each family of addresses, made when the first is sent. */
export class NotifySockets {
  readonly #source: string
  readonly #onReply: (reply: Uint8Array, from: Endpoint) => void
  readonly #sockets = new Map<Family, Socket>()

  /** `source` is the address that they leave from where it is of the secondary's family; empty: the system chooses. */
  constructor(source: string, onReply: (reply: Uint8Array, from: Endpoint) => void) {
    this.#source = source
    this.#onReply = onReply
  }

  /** `failed` is called with the reason if the system does not take it. */
  send(octets: Uint8Array, to: Endpoint, failed: (reason: string) => void): void {
    const family = familyOf(to.address)
    this.#socket(family).send(octets, to.port, to.address, error => {
      if (error !== null) failed(error.message)
    })
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  #socket(family: Family): Socket {
    const open = this.#sockets.get(family)
    if (open !== undefined) return open
    const socket = createSocket(family)
    socket.on('message', (reply, { address, port }) => this.#onReply(reply, { address, port }))
    socket.on('error', () => this.#drop(family, socket)) // what could not be sent is told to who sent it
    const isOurs = this.#source !== '' && familyOf(this.#source) === family
    socket.bind({ port: 0, exclusive: true, ...(isOurs && { address: this.#source }) })
    socket.unref()
    this.#sockets.set(family, socket)
    return socket
  }

  /** The next NOTIFY makes a new one: an address that was not there may have come. */
  #drop(family: Family, socket: Socket): void {
    if (this.#sockets.get(family) === socket) this.#sockets.delete(family)
    socket.close()
  }
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'udp6' : 'udp4'
}
