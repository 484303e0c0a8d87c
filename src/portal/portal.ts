import { createHash } from 'node:crypto'
import { createServer, METHODS, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { Diagnoses } from '../observation/diagnosis.ts'
import { KeyCheck } from '../registration/key-check.ts'
import { Registrar } from '../registration/registrar.ts'
import { formatEndpoint } from '../shared/endpoint.ts'
import { problem } from '../shared/problem.ts'
import { mtuOf } from '../tunnel/mtu.ts'
import { Admittance, type AdmittanceOptions } from './admittance.ts'
import { Api } from './api.ts'
import { ContactPages } from './contact-pages.ts'
import { DiagnosisPages } from './diagnosis-pages.ts'
import { drain } from './drain.ts'
import { Dyndns2, isUpdatePath, UPDATE_PATH } from './dyndns2.ts'
import { guardOrigin, guardProgram } from './form-guard.ts'
import { HistoryPages } from './history-pages.ts'
import { guardHost } from './host-guard.ts'
import { LandingPage } from './landing-page.ts'
import { MailedLinks } from './mailed-links.ts'
import { PortalMemory } from './memory.ts'
import { openApiDocument } from './openapi/openapi.ts'
import type { PortalOptions } from './options.ts'
import { mountPublicDocuments } from './public-documents.ts'
import { RecoveryPages } from './recovery-pages.ts'
import { noteRefusal } from './refusal-note.ts'
import { refuse } from './refused.ts'
import { RegistrationPages } from './registration-pages.ts'
import { seeOther, wantsPage } from './reply.ts'
import { replyToFailure } from './reply-to-failure.ts'
import { SessionCookie } from './session-cookie.ts'
import { SignIns } from './sign-in.ts'
import { SignInPages } from './sign-in-pages.ts'
import { StatusPage } from './status-page.ts'
import { isTargetReadable } from './target.ts'
import { Templates } from './templates.ts'
import { TunnelEvents } from './tunnel-events.ts'
import { TunnelPages } from './tunnel-pages.ts'
import { TunnelScripts } from './tunnel-scripts.ts'
import { Views } from './views.ts'
import { isWithin, visitorOf } from './visitor.ts'

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin', // 'no-referrer' would make browsers send Origin: null with our own forms
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']) // RFC 9110 9.2.1
const ONE_YEAR_SECONDS = 31_536_000
/** Deadlines for a request's head and for all of it; Node looks at them every `CHECKING_MS` and at no other time. */
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 15_000
const CHECKING_MS = 1000
/** Connections that wait to be accepted. */
const BACKLOG = 4096
/** How long requests under way are waited for before another process takes over. */
const RETIRING_MS = 5000
/** When to come back to that one: it is at work by then, or this one is again. */
const RETRY_SECONDS = 2

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
  readonly #underWay: ReadonlySet<ServerResponse>
  readonly #retirement: { isBegun: boolean }

  private constructor(
    url: string,
    parts: {
      readonly server: Server
      readonly events: TunnelEvents
      readonly admittance: Admittance
      readonly stopCounting: () => void
      readonly memory: { kept(): Promise<unknown> }
      readonly underWay: ReadonlySet<ServerResponse>
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
    })
    const admittance = new Admittance(options)
    admittance.connections.watch(server)
    const underWay = new Set<ServerResponse>()
    server.on('request', (_request, response) => {
      underWay.add(response)
      response.once('close', () => underWay.delete(response))
    })
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
    while (this.#underWay.size > 0 && performance.now() < end) await sleep(10)
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

function application(
  options: PortalOptions,
  parts: {
    readonly events: TunnelEvents
    readonly admittance: Admittance
    readonly publicUrl: string
    readonly retirement: { readonly isBegun: boolean }
  },
): { readonly app: Koa; readonly memory: Pick<PortalMemory<unknown, unknown>, 'kept' | 'restore'> } {
  const {
    facts,
    history,
    traffic,
    published,
    table,
    lifecycle,
    admission,
    words,
    systems,
    correspondence,
    log,
  } = options
  const { events, admittance, publicUrl, retirement } = parts
  const { limits, trustedProxies } = admittance
  const templates = new Templates()
  const views = new Views(facts, words, templates)
  const isSecure = publicUrl.startsWith('https:')
  const shared = {
    trustedProxies,
    facts,
    history,
    traffic,
    published,
    table,
    lifecycle,
    entry: options.entry,
    publicUrl,
    limits,
    correspondence,
    events,
    views,
    words,
    systems,
    diagnoses: new Diagnoses({
      lifecycle,
      prober: options.prober,
      timeoutMs: options.probeTimeoutMs,
      mtuOf: tunnel => mtuOf(tunnel, facts),
      isDryRun: facts.dryRun,
    }),
    keys: new KeyCheck({ table, limits, origin: facts.origin }),
    registrar: new Registrar({ admission, lifecycle, limits, contacts: correspondence.wishes }),
    scripts: new TunnelScripts(
      {
        origin: facts.origin,
        serverIpv4: facts.serverIpv4,
        mtu: facts.mtu,
        publicUrl,
        wireguard: facts.wireguard,
      },
      systems,
      templates,
    ),
    signIns: new SignIns(),
    cookie: new SessionCookie({ secure: isSecure }),
  }
  // Whoever was signed in with the old key is signed out and hears no more, and the old one is shown no more.
  lifecycle.onKeyReplaced(id => {
    shared.signIns.close(id)
    events.end(id)
  })
  const signInPages = new SignInPages(shared)
  const router = new Router({ sensitive: true, strict: true, methods: [...METHODS] }) // one URL for one thing
  new LandingPage({ ...options, trustedProxies, views }).mount(router)
  const registrationPages = new RegistrationPages(shared)
  registrationPages.mount(router)
  signInPages.mount(router)
  new TunnelPages({ ...shared, signInPages }).mount(router)
  new HistoryPages(shared).mount(router)
  new DiagnosisPages(shared).mount(router)
  new RecoveryPages(shared).mount(router)
  if (correspondence.wishes.offersAny) new ContactPages({ ...shared, signInPages }).mount(router)
  if (correspondence.wishes.offers('email')) new MailedLinks({ ...shared, log }).mount(router)
  const api = new Api(shared)
  api.mount(router)
  new Dyndns2(shared).mount(router)
  new StatusPage({ ...options, views }).mount(router)
  mountPublicDocuments(router, { ...options, publicUrl })
  mountMachineRoutes(router, options, admittance)
  mountDocument(router, '/openapi.json', {
    type: 'application/json',
    text: JSON.stringify(openApiDocument(publicUrl)),
  })
  const publicHost = URL.parse(publicUrl)?.hostname ?? ''
  const ownOrigins = new Set([URL.parse(publicUrl)?.origin ?? publicUrl])

  const app = new Koa()
  app.silent = true // every failure is replied to and logged in replyToFailure
  app.use(async (ctx, next) => {
    ctx.set(SECURITY_HEADERS)
    if (isSecure) ctx.set('strict-transport-security', `max-age=${ONE_YEAR_SECONDS}`)
    const isReadable = isTargetReadable(ctx)
    if (!isReadable) ctx.req.url = '/' // Koa would throw for it wherever it looks
    if (ctx.path.startsWith('/api/')) ctx.set('cache-control', 'no-store')
    try {
      if (retirement.isBegun)
        throw refuse(problem('restarting', { seconds: RETRY_SECONDS }), { connection: 'close' })
      if (!isReadable) throw refuse(problem('target-syntax', {}))
      guardHost(ctx.req, publicHost)
      if (isUpdatePath(ctx.path)) ctx.path = UPDATE_PATH
      if (ctx.path === UPDATE_PATH) guardProgram(ctx.req)
      else if (!SAFE_METHODS.has(ctx.method)) guardOrigin(ctx.req, ownOrigins)
      await next()
      refuseUnmatched(ctx)
    } catch (error) {
      await readToEnd(ctx)
      replyToFailure(ctx, error, { views, words, publicUrl, log })
    }
    noteRefusal(ctx, { ...options, trustedProxies })
  })
  app.use(router.routes())
  app.use(router.allowedMethods())
  const { signIns } = shared
  return {
    app,
    memory: new PortalMemory({ signIns, replies: api.replies, forms: registrationPages.forms }),
  }
}

/** Reads what is left of a refused request, or lets the connection end with the reply. */
async function readToEnd(ctx: Context): Promise<void> {
  await drain(ctx.req)
  if (!ctx.req.complete) ctx.set('connection', 'close') // RFC 9112 9.3: what follows is no request
}

/** What machines read: stylesheet and icon, the visitor's address, the health check, the metrics. */
function mountMachineRoutes(
  router: Router,
  { selfCheck, metrics, unready }: PortalOptions,
  { metricsFrom, trustedProxies }: Admittance,
): void {
  for (const [path, asset] of Object.entries(Views.assets())) mountDocument(router, path, asset)
  router.get('/ip', ctx => {
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.body = `${visitorOf(ctx.req, trustedProxies).address}\n`
  })
  router.get('/healthz', async ctx => {
    const health = await selfCheck.check()
    ctx.status = health.kind === 'healthy' ? 200 : 503
    ctx.set('cache-control', 'no-store')
    ctx.body = health.kind === 'healthy' ? { status: 'ok' } : { status: 'unhealthy', reasons: health.reasons }
  })
  router.get('/readyz', ctx => {
    const reasons = unready()
    ctx.status = reasons.length === 0 ? 200 : 503
    ctx.set('cache-control', 'no-store')
    ctx.body = reasons.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons }
  })
  router.get('/metrics', async ctx => {
    if (!isWithin(visitorOf(ctx.req, trustedProxies).address, metricsFrom))
      throw refuse(problem('forbidden', {}))
    const { contentType, body } = await metrics.text()
    ctx.set('content-type', contentType)
    ctx.body = body
  })
}

/** A text that stays as it is until the next start: a browser that has it need not load it again. */
function mountDocument(
  router: Router,
  path: string,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const etag = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  router.get(path, ctx => {
    ctx.type = type
    ctx.set('cache-control', 'max-age=3600')
    ctx.status = 200 // what `fresh` is asked about
    ctx.etag = etag
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.body = text
  })
}

/** 404, or the 405 that `allowedMethods` has made, as a problem like all others (RFC 9110 15.5.6). */
function refuseUnmatched(ctx: Context): void {
  if (ctx.status === 404 && !ctx._matchedRoute) throw refuse(problem('not-found', { case: 'page' }))
  if (ctx.status !== 405) return
  const form = formOf(ctx)
  const allow = ctx.response.get('allow')
  if (form !== undefined) {
    seeOther(ctx, form)
    return
  }
  throw refuse(problem('method-not-allowed', { allowed: allow }), { allow })
}

/** The page with the form that is sent to this address, for a person who opens the address itself. */
function formOf(ctx: Context): string | undefined {
  if (ctx.method !== 'GET' || !wantsPage(ctx)) return undefined
  if (ctx.path === '/register') return '/'
  if (ctx.path === '/sign-out') return '/tunnels'
  return /^\/tunnels\/[a-z0-9]+(?=\/(?:endpoint|key|delete)$)/.exec(ctx.path)?.[0]
}
