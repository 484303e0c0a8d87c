import { createSocket, type Socket } from 'node:dgram'

/** Nothing is ever sent there. */
const DISCARD_PORT = 9

/**
 * Tells whether an IPv4 address is this machine's own, by asking for the route to it: what is sent to an own address
 * leaves from that address, and nothing else does. A list of the interfaces would name every tunnel each time.
 */
export class OwnAddresses {
  readonly #socket: Socket

  constructor() {
    // Nothing is to be looked up, so that all is done when a call returns.
    this.#socket = createSocket({ type: 'udp4', lookup: (host, _, found) => found(null, host, 4) })
    this.#socket.on('error', () => undefined) // no route there: `connect` tells it late
    this.#socket.bind(0, '0.0.0.0')
    this.#socket.unref()
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
