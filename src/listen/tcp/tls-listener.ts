import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type Server } from 'node:tls'
import type { Converse } from '../../engine/conversation.ts'
import { certificatesIn, endOf } from '../../shared/certificate-chain.ts'
import type { DurationCount } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { HeldSockets } from '../held-sockets.ts'
import { Crowd } from './crowd.ts'
import { addressKey, listenOn, type TcpCounts, type TcpLimits, TcpListener } from './tcp-listener.ts'

/** RFC 9103 7.1, RFC 7858 3.2: the protocol that a client asks for, if it asks for one. */
const PROTOCOL = 'dot'
/** RFC 9103 7: no older version for transfers; what asks us otherwise is as new. */
const OLDEST_VERSION = 'TLSv1.3'
/** Longer than a listener takes to close its connections. */
const CLOSE_GRACE_MS = 700
/** How often files that could not be used at the start are read again. */
const RETRY_MS = 2000

/** PEM files: the certificate with those above it, and its key. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

export interface TlsOptions {
  readonly files: TlsFiles
  readonly converse: Converse
  readonly limits: TcpLimits
  readonly sockets?: HeldSockets | undefined
  /** Called when files that could not be used at the start can be. */
  readonly onCertificate?: ((address: Endpoint) => void) | undefined
}

/** DNS over TLS on one address (RFC 7858), transfers too (RFC 9103): a TCP listener behind a handshake. */
export class TlsListener {
  readonly #server: Server
  readonly #files: TlsFiles
  readonly #tcp: TcpListener
  readonly #onCertificate: ((address: Endpoint) => void) | undefined
  /** Whether or not their handshake is done, by the peer's address and port. */
  readonly #sockets = new Map<string, Socket>()
  /** Those whose handshake is not done. */
  readonly #handshakes: Crowd<Socket>
  #retry: NodeJS.Timeout | undefined
  #trouble: string | undefined
  #expiry: number | undefined

  /**
   * Binds and answers at once. Files that can't be used are no reason to serve nothing else: until they can, each
   * handshake is refused with an alert. Rejects with a ListenFault.
   */
  static async listen(endpoint: Endpoint, options: TlsOptions): Promise<TlsListener> {
    const { limits } = options
    const server = createServer({
      allowHalfOpen: true,
      ALPNProtocols: [PROTOCOL],
      handshakeTimeout: limits.times.message,
      highWaterMark: limits.highWater,
      minVersion: OLDEST_VERSION,
    })
    await listenOn(server, endpoint, options.sockets?.stream('tls', endpoint))
    const listener = new TlsListener(server, options)
    listener.#begin()
    return listener
  }

  private constructor(server: Server, { files, converse, limits, onCertificate }: TlsOptions) {
    this.#server = server
    this.#files = files
    this.#onCertificate = onCertificate
    this.#tcp = new TcpListener(server, converse, { limits, event: 'secureConnection' })
    this.#handshakes = new Crowd({ total: limits.connections, anAddress: limits.connectionsAnAddress })
    server.on('connection', socket => this.#accept(socket))
    server.on('secureConnection', socket => this.#endHandshake(peerOf(socket)))
    server.on('tlsClientError', () => this.counts.errors++)
  }

  get address(): Endpoint {
    return this.#tcp.address
  }

  get durations(): DurationCount {
    return this.#tcp.durations
  }

  get counts(): TcpCounts {
    return this.#tcp.counts
  }

  get openConnections(): number {
    return this.#tcp.openConnections
  }

  /** Why no handshake can be done; undefined: there is a certificate. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** When the first certificate of the chain that is shown ends, in UTC seconds; undefined: there is none. */
  get expiry(): number | undefined {
    return this.#expiry
  }

  /** Reads the files again, for connections to come. Throws if they can't be used: those before stay. */
  renew(): void {
    const contents = contentsOf(this.#files)
    const expiry = endOf(certificatesIn(contents.cert.toString('latin1')))
    this.#server.setSecureContext({ ...contents, minVersion: OLDEST_VERSION })
    this.#expiry = expiry
    if (this.#trouble === undefined) return
    this.#trouble = undefined
    clearInterval(this.#retry)
    this.#onCertificate?.(this.address)
  }

  /** Where a limit is reached the handshake that has begun first makes room: silence keeps nobody else out. */
  #accept(socket: Socket): void {
    const address = addressKey(socket.remoteAddress)
    if (address === undefined) {
      socket.destroy() // the peer went away before it was seen
      return
    }
    const peer = peerOf(socket)
    this.#sockets.set(peer, socket)
    socket.once('close', () => {
      this.#handshakes.forget(socket)
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer)
    })
    const former = this.#handshakes.inTheWayOf(address)
    if (former !== undefined) this.#evict(former)
    this.#handshakes.add(socket, address)
  }

  #evict(socket: Socket): void {
    this.counts.evictions++
    this.#handshakes.forget(socket)
    socket.destroy()
  }

  #endHandshake(peer: string): void {
    const socket = this.#sockets.get(peer)
    if (socket !== undefined) this.#handshakes.forget(socket)
  }

  #begin(): void {
    this.#renewIfPossible()
    if (this.#trouble !== undefined)
      this.#retry = setInterval(() => this.#renewIfPossible(), RETRY_MS).unref()
  }

  #renewIfPossible(): void {
    try {
      this.renew()
    } catch (error) {
      const { certificate, key } = this.#files
      this.#trouble = `${certificate}, ${key}: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** As `TcpListener.drain`. */
  drain(milliseconds: number): Promise<void> {
    clearInterval(this.#retry)
    return this.#tcp.drain(milliseconds)
  }

  /** As `TcpListener.close`; a handshake that is not done by then is cut off. */
  async close(): Promise<void> {
    clearInterval(this.#retry)
    const closed = this.#tcp.close()
    await Promise.race([closed, sleep(CLOSE_GRACE_MS)])
    for (const socket of this.#sockets.values()) socket.destroy()
    await closed
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function contentsOf({ certificate, key }: TlsFiles): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) }
}
