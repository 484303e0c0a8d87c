import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Socket as Connection, connect, createServer } from 'node:net'
import { decode } from 'dns-packet'
import type { Endpoint } from '../../src/shared/endpoint.ts'

const LOOPBACK = '127.0.0.1'

/** A question as it came over the wire, its letters in the case that they had. */
export interface Overheard {
  /** The address that it came from. */
  readonly from: string
  readonly name: string
}

/**
 * Passes on to a server what it is sent, and the replies back, octet by octet; notes who asked what over UDP. A resolver
 * goes over to TCP where a reply is late.
 */
export class Relay {
  readonly heard: Overheard[] = []
  readonly #front = createSocket('udp4')
  readonly #tcpFront = createServer(client => this.#join(client))
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
    relay.#tcpFront.listen(at.port, at.address)
    await once(relay.#tcpFront, 'listening')
    return relay
  }

  close(): void {
    this.#front.close()
    this.#tcpFront.close()
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

  #join(client: Connection): void {
    const server = connect({ host: this.#server.address, port: this.#server.port })
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  }
}
