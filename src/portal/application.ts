import { METHODS } from 'node:http'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { Diagnoses } from '../observation/diagnosis.ts'
import { KeyCheck } from '../registration/key-check.ts'
import { OwnerChanges } from '../registration/owner-changes.ts'
import { Registrar } from '../registration/registrar.ts'
import { problem } from '../shared/problem.ts'
import { mtuOf } from '../tunnel/mtu.ts'
import type { Admittance } from './admittance.ts'
import { Api } from './api.ts'
import { ApiKeys } from './api-keys.ts'
import { Bearers } from './bearers.ts'
import { ContactPages } from './contact-pages.ts'
import { DeletedTunnels } from './deleted-tunnels.ts'
import { DiagnosisPages } from './diagnosis-pages.ts'
import { DoneChanges } from './done-changes.ts'
import { drain } from './drain.ts'
import { Dyndns2, isUpdatePath, UPDATE_PATH } from './dyndns2.ts'
import { guardOrigin, guardProgram } from './form-guard.ts'
import { HistoryPages } from './history-pages.ts'
import { guardHost } from './host-guard.ts'
import { keepToUpdates } from './ipv4-name.ts'
import { LandingPage } from './landing-page.ts'
import { mountDocument, mountMachineRoutes } from './machine-routes.ts'
import { MailedLinks } from './mailed-links.ts'
import { PortalMemory } from './memory.ts'
import { openApiDocument } from './openapi/openapi.ts'
import type { PortalOptions } from './options.ts'
import { mountPublicDocuments } from './public-documents.ts'
import { RecoveryPages } from './recovery-pages.ts'
import { noteRefusal } from './refusal-note.ts'
import { refuse } from './refused.ts'
import { RegistrationPages } from './registration-pages.ts'
import { replyToFailure } from './reply-to-failure.ts'
import { SessionCookie } from './session-cookie.ts'
import { SignIns } from './sign-in.ts'
import { SignInPages } from './sign-in-pages.ts'
import { StatusPage } from './status-page.ts'
import { isTargetReadable } from './target.ts'
import { Templates } from './templates.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import { TunnelPages } from './tunnel-pages.ts'
import { TunnelRepresentations } from './tunnel-representation.ts'
import { TunnelScripts } from './tunnel-scripts.ts'
import { refuseUnmatched } from './unmatched.ts'
import { guardExpectation } from './unreadable-request.ts'
import { Views } from './views.ts'

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin', // 'no-referrer' would make browsers send Origin: null with our own forms
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const
/** `others`: origins that scripts of ours may ask as well. */
const contentPolicy = (others: readonly string[]) =>
  `default-src 'none'; script-src 'self'; connect-src ${["'self'", ...others].join(' ')}; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']) // RFC 9110 9.2.1
const ONE_YEAR_SECONDS = 31_536_000
/** When to come back while another process takes over: it is at work by then, or this one is again. */
const RETRY_SECONDS = 2

interface ApplicationParts {
  readonly events: TunnelEvents
  readonly admittance: Admittance
  readonly publicUrl: string
  readonly retirement: { readonly isBegun: boolean }
}

/** The pages, the API and what else is asked for over HTTP; and what of it another process can go on with. */
export function application(
  options: PortalOptions,
  parts: ApplicationParts,
): { readonly app: Koa; readonly memory: Pick<PortalMemory<unknown, unknown>, 'kept' | 'restore'> } {
  const { lifecycle, words, log } = options
  const { events, admittance, publicUrl, retirement } = parts
  const { trustedProxies } = admittance
  const shared = sharedParts(options, parts)
  const { views, signIns } = shared
  // Whoever was signed in with the old key is signed out and hears no more, and the old one is shown no more.
  lifecycle.onKeyReplaced(id => {
    signIns.close(id)
    events.end(id)
  })
  const { router, replies, forms } = routes(options, parts, shared)
  const isSecure = isHttps(publicUrl)
  const publicHost = URL.parse(publicUrl)?.hostname ?? ''
  const ipv4 = URL.parse(options.ipv4Url)
  const ipv4Host = ipv4?.hostname
  const policy = contentPolicy(ipv4 === null ? [] : [ipv4.origin])
  const ownOrigins = new Set([URL.parse(publicUrl)?.origin ?? publicUrl])

  const app = new Koa()
  app.silent = true // every failure is replied to and logged in replyToFailure
  app.use(async (ctx, next) => {
    ctx.set({ ...SECURITY_HEADERS, 'content-security-policy': policy })
    if (isSecure) ctx.set('strict-transport-security', `max-age=${ONE_YEAR_SECONDS}`)
    const isReadable = isTargetReadable(ctx)
    if (!isReadable) ctx.req.url = '/' // Koa would throw for it wherever it looks
    if (ctx.path.startsWith('/api/')) ctx.set('cache-control', 'no-store')
    try {
      if (retirement.isBegun)
        throw refuse(problem('restarting', { seconds: RETRY_SECONDS }), { connection: 'close' })
      if (!isReadable) throw refuse(problem('target-syntax', {}))
      guardHost(ctx.req, { publicHost, ipv4Host })
      guardExpectation(ctx.req)
      if (isUpdatePath(ctx.path)) ctx.path = UPDATE_PATH
      if (ctx.path === UPDATE_PATH) guardProgram(ctx.req)
      else if (!SAFE_METHODS.has(ctx.method)) guardOrigin(ctx.req, ownOrigins)
      await next()
      refuseUnmatched(ctx)
    } catch (error) {
      options.store.noteFault(error)
      await readToEnd(ctx)
      replyToFailure(ctx, error, { views, words, publicUrl, log })
    }
    noteRefusal(ctx, { ...options, trustedProxies })
  })
  app.use(keepToUpdates({ publicUrl, ipv4Host }))
  app.use(router.routes())
  app.use(router.allowedMethods())
  return { app, memory: new PortalMemory({ signIns, replies, forms }) }
}

/** What several pages and the API are made of. */
function sharedParts(options: PortalOptions, { events, admittance, publicUrl }: ApplicationParts) {
  const { facts, history, traffic, published, table, lifecycle, admission, words, systems, correspondence } =
    options
  const { limits, trustedProxies } = admittance
  const templates = new Templates()
  const views = new Views(facts, words, templates)
  const signIns = new SignIns()
  return {
    trustedProxies,
    customers: options.customers,
    facts,
    history,
    traffic,
    published,
    table,
    lifecycle,
    entry: options.entry,
    publicUrl,
    ipv4Url: options.ipv4Url || publicUrl,
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
    keys: new KeyCheck({ table, proofs: lifecycle.proofs, limits, origin: facts.origin }),
    changes: new OwnerChanges({ admission, lifecycle, limits }),
    registrar: new Registrar({
      admission,
      lifecycle,
      limits,
      contacts: correspondence.wishes,
      log: options.log,
    }),
    scripts: new TunnelScripts(
      {
        origin: facts.origin,
        serverIpv4: facts.serverIpv4,
        largestMtuOf: facts.largestMtuOf,
        publicUrl,
        ipv4Url: options.ipv4Url || publicUrl,
        wireguard: facts.wireguard,
      },
      systems,
      templates,
    ),
    signIns,
    done: new DoneChanges(signIns),
    deleted: new DeletedTunnels(lifecycle),
    cookie: new SessionCookie({ secure: isHttps(publicUrl) }),
  }
}

/** All that is asked for, each mounted where it lives. */
function routes(
  options: PortalOptions,
  { admittance, publicUrl }: ApplicationParts,
  shared: ReturnType<typeof sharedParts>,
): {
  readonly router: Router
  readonly replies: ApiKeys['replies']
  readonly forms: RegistrationPages['forms']
} {
  const { trustedProxies } = admittance
  const { correspondence, views } = shared
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
  if (correspondence.wishes.offers('email')) new MailedLinks({ ...shared, log: options.log }).mount(router)
  const bearers = new Bearers(shared)
  const representations = new TunnelRepresentations(shared)
  const apiKeys = new ApiKeys({ ...shared, bearers, representations })
  apiKeys.mount(router)
  new Api({ ...shared, bearers, representations }).mount(router)
  new Dyndns2(shared).mount(router)
  new StatusPage({ ...options, views }).mount(router)
  mountPublicDocuments(router, { ...options, publicUrl })
  mountMachineRoutes(router, options, admittance)
  mountDocument(router, '/openapi.json', {
    type: 'application/json',
    text: JSON.stringify(openApiDocument(publicUrl)),
  })
  return { router, replies: apiKeys.replies, forms: registrationPages.forms }
}

function isHttps(url: string): boolean {
  return url.startsWith('https:')
}

/** Reads what is left of a refused request, or lets the connection end with the reply. */
async function readToEnd(ctx: Context): Promise<void> {
  await drain(ctx.req)
  if (!ctx.req.complete) ctx.set('connection', 'close') // RFC 9112 9.3: what follows is no request
}
