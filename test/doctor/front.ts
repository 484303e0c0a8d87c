import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '../../src/shared/endpoint.ts'

const ADDITIONAL_COUNT = 10
const RCODE = 3
const QUERY_RESPONSE = 0x80
const FORMERR = 1
const FLAGS = 2
const HEADER_LENGTH = 12
const OPT_LENGTH = 11

/** What stands between the world and a nameserver: an old server, or somebody's firewall. */
export interface FrontOptions {
  /** Where queries are passed on to; undefined: nothing is ever said. */
  readonly to?: Endpoint
  readonly udp?: 'passes' | 'silent'
  readonly tcp?: 'passes' | 'silent' | 'closed'
  /** What becomes of a query with an OPT record. */
  readonly edns?: 'passes' | 'formerr' | 'dropped' | 'taken-off'
}

/** Listens at an address and does to DNS what such a thing does. `await using` ends it. */
export class Front implements AsyncDisposable {
  readonly #options: FrontOptions
  readonly #udp = createSocket('udp4')
  readonly #tcp = createServer({ allowHalfOpen: true }, socket => this.#connect(socket))
  readonly #sockets = new Set<Socket>()

  private constructor(options: FrontOptions) {
    this.#options = options
    this.#udp.on('message', (query, from) => this.#take(query, from))
  }

  static async listen({ address, port }: Endpoint, options: FrontOptions): Promise<Front> {
    const front = new Front(options)
    front.#udp.bind(port, address)
    await once(front.#udp, 'listening')
    if (options.tcp !== 'closed') {
      front.#tcp.listen(port, address)
      await once(front.#tcp, 'listening')
    }
    return front
  }

  #take(query: Buffer, from: RemoteInfo): void {
    const { to, udp = 'passes', edns = 'passes' } = this.#options
    if (to === undefined || udp === 'silent') return
    const hasOpt = query.readUInt16BE(ADDITIONAL_COUNT) > 0
    if (hasOpt && edns === 'dropped') return
    if (hasOpt && edns === 'formerr') this.#udp.send(formerrOf(query), from.port, from.address)
    else this.#pass(hasOpt && edns === 'taken-off' ? withoutOpt(query) : query, { to, from })
  }

  #pass(query: Buffer, { to, from }: { readonly to: Endpoint; readonly from: RemoteInfo }): void {
    const back = createSocket('udp4')
    back.once('message', reply => {
      this.#udp.send(reply, from.port, from.address)
      back.close()
    })
    back.send(query, to.port, to.address)
  }

  #connect(client: Socket): void {
    this.#sockets.add(client)
    client.on('error', () => client.destroy())
    const { to, tcp = 'passes' } = this.#options
    if (to === undefined || tcp === 'silent') return
    const server = connect({ host: to.address, port: to.port })
    this.#sockets.add(server)
    server.on('error', () => client.destroy())
    client.pipe(server).pipe(client)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#udp.close()
    if (this.#tcp.listening) await new Promise(resolve => this.#tcp.close(resolve))
  }
}

/** The query's header alone: so servers from before EDNS reply. */
function formerrOf(query: Buffer): Buffer {
  const reply = Buffer.alloc(HEADER_LENGTH)
  query.copy(reply, 0, 0, FLAGS + 2)
  reply[FLAGS] = (reply[FLAGS] ?? 0) | QUERY_RESPONSE
  reply[RCODE] = FORMERR
  return reply
}

/** Without its OPT record, which is the last and has no options. */
function withoutOpt(query: Buffer): Buffer {
  const plain = Buffer.from(query.subarray(0, -OPT_LENGTH))
  plain.writeUInt16BE(0, ADDITIONAL_COUNT)
  return plain
}
