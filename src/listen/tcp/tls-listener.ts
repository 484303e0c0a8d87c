import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type Server } from 'node:tls'
import type { Converse } from '../../engine/conversation.ts'
import type { DurationCount } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { HeldSockets } from '../held-sockets.ts'
import { listenOn, type TcpCounts, type TcpLimits, TcpListener } from './tcp-listener.ts'

/** RFC 9103 7.1, RFC 7858 3.2: the protocol that a client asks for, if it asks for one. */
const PROTOCOL = 'dot'
/** RFC 9103 7: no older version for transfers; what asks us otherwise is as new. */
const OLDEST_VERSION = 'TLSv1.3'
/** Longer than a listener takes to close its connections. */
const CLOSE_GRACE_MS = 700

/** PEM files: the certificate with those above it, and its key. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

/** DNS over TLS on one address (RFC 7858), transfers too (RFC 9103): a TCP listener behind a handshake. */
export class TlsListener {
  readonly #server: Server
  readonly #files: TlsFiles
  readonly #tcp: TcpListener
  /** Whether or not their handshake is done. */
  readonly #sockets = new Set<Socket>()

  /** Binds and answers at once. Rejects with a ListenFault, or with what the files are refused for. */
  static async listen(
    endpoint: Endpoint,
    options: {
      readonly files: TlsFiles
      readonly converse: Converse
      readonly limits: TcpLimits
      readonly sockets?: HeldSockets | undefined
    },
  ): Promise<TlsListener> {
    const { files, limits } = options
    const server = createServer({
      ...contentsOf(files),
      allowHalfOpen: true,
      ALPNProtocols: [PROTOCOL],
      handshakeTimeout: limits.times.message,
      highWaterMark: limits.highWater,
      minVersion: OLDEST_VERSION,
    })
    server.maxConnections = limits.connections
    await listenOn(server, endpoint, options.sockets?.stream('tls', endpoint))
    return new TlsListener(server, options)
  }

  private constructor(
    server: Server,
    {
      files,
      converse,
      limits,
    }: { readonly files: TlsFiles; readonly converse: Converse; readonly limits: TcpLimits },
  ) {
    this.#server = server
    this.#files = files
    this.#tcp = new TcpListener(server, converse, { limits, event: 'secureConnection' })
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
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

  /** Reads the files again, for connections to come. Throws if they can't be used: those before stay. */
  renew(): void {
    this.#server.setSecureContext({ ...contentsOf(this.#files), minVersion: OLDEST_VERSION })
  }

  /** As `TcpListener.drain`. */
  drain(milliseconds: number): Promise<void> {
    return this.#tcp.drain(milliseconds)
  }

  /** As `TcpListener.close`; a handshake that is not done by then is cut off. */
  async close(): Promise<void> {
    const closed = this.#tcp.close()
    await Promise.race([closed, sleep(CLOSE_GRACE_MS)])
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function contentsOf({ certificate, key }: TlsFiles): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) }
}
