import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { decode } from 'dns-packet'
import type { Endpoint } from '../../src/endpoint.ts'

const LOOPBACK = '127.0.0.1'

/** A question as it came over the wire, its letters in the case that they had. */
export interface Overheard {
  /** The address that it came from. */
  readonly from: string
  readonly name: string
}

/** Passes datagrams on to a server and its replies back, octet by octet, and notes who asked what. */
export class Relay {
  readonly heard: Overheard[] = []
  readonly #front = createSocket('udp4')
  /** One socket for each client: the server's replies find back by it. */
  readonly #backs = new Map<string, Socket>()
  readonly #server: Endpoint

  private constructor(server: Endpoint) {
    this.#server = server
    this.#front.on('message', (message, client) => this.#pass(message, client))
  }

  static async listen(at: Endpoint, server: Endpoint): Promise<Relay> {
    const relay = new Relay(server)
    relay.#front.bind(at.port, at.address)
    await once(relay.#front, 'listening')
    return relay
  }

  close(): void {
    this.#front.close()
    for (const back of this.#backs.values()) back.close()
  }

  #pass(message: Buffer, client: RemoteInfo): void {
    const name = decode(message).questions?.[0]?.name ?? ''
    this.heard.push({ from: client.address, name })
    this.#backTo(client).send(message, this.#server.port, this.#server.address)
  }

  #backTo(client: RemoteInfo): Socket {
    const key = `${client.address}:${client.port}`
    const known = this.#backs.get(key)
    if (known !== undefined) return known
    const back = createSocket('udp4').bind(0, LOOPBACK) // on all addresses it would hear what is meant for a client
    back.on('message', reply => this.#front.send(reply, client.port, client.address))
    this.#backs.set(key, back)
    return back
  }
}
