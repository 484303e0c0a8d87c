import { createServer, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatEndpoint } from '../shared/endpoint.ts'
import { Admittance, type AdmittanceOptions } from './admittance.ts'
import { application } from './application.ts'
import type { PortalOptions } from './options.ts'
import { RepliesUnderWay } from './replies-under-way.ts'
import { TunnelEvents } from './tunnel-events.ts'
import { answerUnreadable } from './unreadable-request.ts'

/** Deadlines for a request's head and for all of it; Node looks at them every `CHECKING_MS` and at no other time. */
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 15_000
const CHECKING_MS = 1000
/** Connections that wait to be accepted. */
const BACKLOG = 4096
/** How long requests under way are waited for before another process takes over. */
const RETIRING_MS = 5000
/** The web listener can't be opened; the message names the address. */
class WebListenFault extends Error {}

/** The web pages and the API, and the HTTP server that they are on. */
export class Portal {
  /** Where it really listens, without a final slash. */
  readonly url: string
  readonly #server: Server
  readonly #events: TunnelEvents
  readonly #admittance: Admittance
  readonly #stopCounting: () => void
  readonly #memory: { kept(): Promise<unknown> }
  readonly #underWay: RepliesUnderWay
  readonly #retirement: { isBegun: boolean }

  private constructor(
    url: string,
    parts: {
      readonly server: Server
      readonly events: TunnelEvents
      readonly admittance: Admittance
      readonly stopCounting: () => void
      readonly memory: { kept(): Promise<unknown> }
      readonly underWay: RepliesUnderWay
      readonly retirement: { isBegun: boolean }
    },
  ) {
    this.url = url
    this.#memory = parts.memory
    this.#underWay = parts.underWay
    this.#retirement = parts.retirement
    this.#stopCounting = parts.stopCounting
    this.#server = parts.server
    this.#events = parts.events
    this.#admittance = parts.admittance
  }

  /** Listens; throws WebListenFault. */
  static async listen(options: PortalOptions): Promise<Portal> {
    const server = createServer({
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECKING_MS,
      requireHostHeader: false, // guardHost asks for it, and says why
    })
    const admittance = new Admittance(options)
    admittance.connections.watch(server)
    const underWay = new RepliesUnderWay()
    underWay.watch(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new WebListenFault(
            `web: can't listen on ${formatEndpoint(options.listen)}: ${error.code ?? error.message}`,
          ),
        ),
      )
      const { socket, listen } = options
      if (socket !== undefined) server.listen({ fd: socket, backlog: BACKLOG }, resolve)
      else server.listen({ host: listen.address, port: listen.port, backlog: BACKLOG }, resolve)
    })
    const bound = server.address()
    const port = typeof bound === 'object' && bound !== null ? bound.port : options.listen.port
    const url = `http://${formatEndpoint({ address: options.listen.address, port })}`
    server.on('error', error => options.log.error({ err: error }, 'web server fault'))
    const events = new TunnelEvents({
      ...options,
      timeoutMs: options.probeTimeoutMs,
      endOf: tunnel => options.lifecycle.endOf(tunnel),
    })
    const stopCounting = options.store.onCommitted(({ rows }) => options.turnover.follow(rows))
    const publicUrl = options.publicUrl || url
    const retirement = { isBegun: false }
    answerUnreadable(server, { publicUrl, language: options.words.fallback, underWay })
    const { app, memory } = application(options, { events, admittance, publicUrl, retirement })
    memory.restore(options.inherited, options.log)
    server.on('request', app.callback())
    return new Portal(url, { server, events, admittance, stopCounting, memory, underWay, retirement })
  }

  /** Lets others in, or more often, from the next request on. */
  changeAdmittance(options: AdmittanceOptions): void {
    this.#admittance.change(options)
  }

  /**
   * Accepts no more connections, lets requests under way end, and refuses those that still come over connections that
   * stand; resolves with what the process that takes over should know of visitors. Nothing asks for the table any more.
   */
  async retire(): Promise<unknown> {
    this.#retirement.isBegun = true
    NetServer.prototype.close.call(this.#server) // that of HTTP would cut off whoever is about to ask
    this.#events.close()
    const end = performance.now() + RETIRING_MS
    while (this.#underWay.count > 0 && performance.now() < end) await sleep(10)
    this.#stopCounting()
    return this.#memory.kept()
  }

  /** Lets go of connections without a request: their next one is for the process that has taken over. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#events.close()
    this.#stopCounting()
    this.#server.closeIdleConnections()
    const impatience = setTimeout(() => this.#server.closeAllConnections(), 1000)
    await closed
    clearTimeout(impatience)
  }
}
