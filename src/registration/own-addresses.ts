import { createSocket, type Socket } from 'node:dgram'

/** Nothing is ever sent there. */
const DISCARD_PORT = 9

/**
 * Tells whether an IPv4 address is this machine's own, by asking for the route to it: what is sent to an own address
 * leaves from that address, and nothing else does. A list of the interfaces would name every tunnel each time.
 */
export class OwnAddresses {
  /** One for the whole process, which asks one question at a time and may start everything anew many times. */
  static #shared: Socket | undefined

  get #socket(): Socket {
    OwnAddresses.#shared ??= openSocket()
    return OwnAddresses.#shared
  }

  /** `ipv4` is an address in canonical text. On a system without IPv4 none is its own. */
  has(ipv4: string): boolean {
    this.#socket.connect(DISCARD_PORT, ipv4)
    try {
      return this.#socket.address().address === ipv4
    } catch {
      return false
    } finally {
      this.#disconnect()
    }
  }

  #disconnect(): void {
    try {
      this.#socket.disconnect()
    } catch {
      // There is no route there, and no connection.
    }
  }
}

function openSocket(): Socket {
  // Nothing is to be looked up, so that all is done when a call returns.
  const socket = createSocket({ type: 'udp4', lookup: (host, _, found) => found(null, host, 4) })
  socket.on('error', () => undefined) // no route there: `connect` tells it late
  socket.bind(0, '0.0.0.0')
  return socket.unref()
}
