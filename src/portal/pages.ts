import type Router from '@koa/router'
import type { Context } from 'koa'
import { addressOctets } from '../address/prefix.ts'
import { specialPurpose } from '../address/special-purpose.ts'
import { type Field, PROBLEMS, type Problem, statusOf } from '../problem.ts'
import { COUNTRIES } from '../tunnel/country.ts'
import { nameOf, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import type { VisitorLimits } from './form-guard.ts'
import { OPERATING_SYSTEMS, type OperatingSystem, operatingSystem } from './operating-system.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refusal-error.ts'
import type { Registrar } from './registration.ts'
import type { SignIns } from './sign-in.ts'
import { ACTIONS, isAction, scriptFileName, type TunnelScripts } from './tunnel-script.ts'
import type { PageValues, Views } from './views.ts'
import { type VisitorAddress, visitorOf } from './visitor.ts'

export interface PagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle'> {
  readonly registrar: Registrar
  readonly scripts: TunnelScripts
  readonly limits: VisitorLimits
  readonly signIns: SignIns
  readonly views: Views
}

const FIELDS: readonly Field[] = ['ipv4', 'nicname', 'country', 'os']
const STATE_WORDS = {
  new: 'New: the server is making its end. Reload this page in a moment.',
  active: 'Active: the server’s end is up and the name is published.',
  unreachable: 'Not answering: the server’s end is up, yours does not answer ping.',
} as const

/** The pages for people. None needs a script in the browser. */
export class Pages {
  readonly #options: PagesOptions

  constructor(options: PagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/', ctx => this.#landing(ctx))
    router.get('/register/:os', ctx => this.#form(ctx))
    router.post('/register', ctx => this.#register(ctx))
    router.get('/tunnels', ctx => this.#signInPage(ctx, '', []))
    router.post('/tunnels', ctx => this.#signIn(ctx))
    router.get('/tunnels/:id', ctx => this.#tunnelPage(ctx))
    router.get('/tunnels/:id/script', ctx => this.#download(ctx))
    router.post('/tunnels/:id/endpoint', ctx => this.#changeEndpoint(ctx))
    router.post('/tunnels/:id/delete', ctx => this.#delete(ctx))
    router.get('/errors', ctx => this.#errors(ctx))
  }

  #landing(ctx: Context): void {
    const visitor = this.#visitor(ctx)
    this.#page(ctx, 'landing', {
      title: 'IPv6 for your host, over IPv4',
      systems: OPERATING_SYSTEMS,
      visitor,
      nat: natWords(visitor),
    })
  }

  #form(ctx: Context): void {
    const system = operatingSystem(String(paramsOf(ctx).os))
    if (system === undefined) throw refuse('not-found', 'There is no page for this operating system.')
    const visitor = this.#visitor(ctx)
    const typed = {
      ipv4: visitor.family === 4 ? visitor.address : '',
      nicname: '',
      country: '',
      os: system.id,
    }
    this.#formPage(ctx, system, typed, [])
  }

  async #register(ctx: Context): Promise<void> {
    const fields = await readForm(ctx.req)
    const typed = Object.fromEntries(FIELDS.map(field => [field, fields[field] ?? ''])) as Record<
      Field,
      string
    >
    try {
      const { tunnel, key } = await this.#options.registrar.register(typed, this.#visitor(ctx))
      ctx.append('set-cookie', this.#options.signIns.open(tunnel.id))
      this.#seeOther(ctx, `/tunnels/${tunnel.id}?first=${this.#options.signIns.keepKey(tunnel.id, key)}`)
    } catch (error) {
      if (!(error instanceof Refused) || !wantsPage(ctx)) throw error
      ctx.set({ ...error.headers })
      this.#formPage(ctx, operatingSystem(typed.os.trim()) ?? OPERATING_SYSTEMS[0], typed, error.problems)
    }
  }

  #formPage(
    ctx: Context,
    system: OperatingSystem | undefined,
    typed: Readonly<Record<Field, string>>,
    problems: readonly Problem[],
  ): void {
    const visitor = this.#visitor(ctx)
    const country = typed.country.trim().toLowerCase()
    if (problems.length > 0) ctx.status = statusOf(problems)
    this.#page(ctx, 'register', {
      title: `${problems.length > 0 ? 'Please correct: ' : ''}A tunnel for ${system?.title ?? 'your host'}`,
      system,
      visitor,
      isIpv6: visitor.family === 6,
      isFromProxy: visitor.source === 'proxy',
      nat: natWords(visitor),
      typed,
      problems: problems.map(problem => ({ ...problem, field: problem.field ?? '' })),
      byField: Object.fromEntries(
        FIELDS.map(field => [field, problems.filter(problem => problem.field === field)]),
      ),
      general: problems.filter(problem => problem.field === undefined),
      hasTunnel: problems.some(problem => problem.code === 'ipv4-in-use'),
      countries: COUNTRIES.map(entry => ({ ...entry, chosen: entry.code === country })),
      unknownCountry: COUNTRIES.some(entry => entry.code === country) ? '' : country,
      systems: OPERATING_SYSTEMS.map(entry => ({ ...entry, chosen: entry.id === system?.id })),
    })
  }

  #signInPage(ctx: Context, reference: string, problems: readonly Problem[]): void {
    if (problems.length > 0) ctx.status = statusOf(problems)
    this.#page(ctx, 'sign-in', { title: 'Open your tunnel', reference, problems })
  }

  async #signIn(ctx: Context): Promise<void> {
    const { reference = '', key = '' } = await readForm(ctx.req)
    const visitor = this.#visitor(ctx)
    await this.#options.limits.refuseGuessers(visitor)
    const tunnel = this.#find(reference.trim())
    const opens = this.#options.table.keyMatches(tunnel?.id ?? '', key.trim())
    if (tunnel === undefined || !opens) {
      await this.#options.limits.countWrongKey(visitor)
      const detail =
        'No tunnel has this id or name with this key. The key was shown once, when the tunnel was registered.'
      this.#signInPage(ctx, reference, [{ code: 'unauthorized', detail }])
      return
    }
    ctx.append('set-cookie', this.#options.signIns.open(tunnel.id))
    this.#seeOther(ctx, `/tunnels/${tunnel.id}`)
  }

  #tunnelPage(ctx: Context): void {
    const id = String(paramsOf(ctx).id)
    const tunnel = this.#options.table.byId(id)
    const first = ctx.method === 'GET' && typeof ctx.query.first === 'string' ? ctx.query.first : ''
    const freshKey = this.#options.signIns.takeKey(id, first)
    const isOpen = freshKey !== undefined || this.#options.signIns.isOpen(id, ctx.get('cookie'))
    if (!isOpen) {
      this.#signInPage(ctx, id, [])
      return
    }
    if (tunnel === undefined)
      throw refuse('not-found', 'This tunnel has been taken down. You can register a new one.')
    if (freshKey !== undefined) ctx.append('set-cookie', this.#options.signIns.open(id))
    this.#showTunnel(ctx, tunnel, { freshKey: freshKey ?? '', problems: [] })
  }

  #showTunnel(
    ctx: Context,
    tunnel: Tunnel,
    { freshKey, problems, typed = '' }: { freshKey: string; problems: readonly Problem[]; typed?: string },
  ): void {
    const { facts, scripts, lifecycle } = this.#options
    const wanted = typeof ctx.query.os === 'string' ? operatingSystem(ctx.query.os) : undefined
    const system = wanted ?? operatingSystem(tunnel.os) ?? OPERATING_SYSTEMS[0]
    const os = system?.id ?? tunnel.os
    const visitor = this.#visitor(ctx)
    this.#page(ctx, 'tunnel', {
      title: nameOf(tunnel, facts.origin),
      tunnel,
      name: nameOf(tunnel, facts.origin),
      created: new Date(tunnel.creationTime * 1000).toISOString().replace('T', ' ').slice(0, 16),
      state: stateOf(tunnel),
      stateWords: STATE_WORDS[stateOf(tunnel)],
      fault: lifecycle.faultOf(tunnel.id) ?? '',
      missed: Math.max(0, tunnel.unreachable),
      probeSeconds: Math.round(facts.probeIntervalMs / 1000),
      freshKey,
      system,
      systems: OPERATING_SYSTEMS.map(entry => ({ ...entry, chosen: entry.id === os })),
      scripts: ACTIONS.map(action => ({
        action,
        isUp: action === 'up',
        file: scriptFileName(action, system?.ending ?? 'sh'),
        text: scripts.script(tunnel, os, action) ?? '',
      })),
      notes: scripts.notes(tunnel, os),
      problems,
      typedIpv4:
        typed || (visitor.family === 4 && visitor.address !== tunnel.ipv4Client ? visitor.address : ''),
    })
  }

  #download(ctx: Context): void {
    const tunnel = this.#signedIn(ctx)
    const { os = tunnel.os, action = 'up' } = ctx.query
    const system = operatingSystem(String(os))
    if (system === undefined || typeof action !== 'string' || !isAction(action))
      throw refuse('not-found', 'There is no such script.')
    ctx.type = 'text/plain'
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    ctx.body = this.#options.scripts.script(tunnel, system.id, action) ?? ''
  }

  async #changeEndpoint(ctx: Context): Promise<void> {
    const tunnel = this.#signedIn(ctx)
    const { ipv4 = '' } = await readForm(ctx.req)
    try {
      await this.#options.registrar.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
      this.#seeOther(ctx, `/tunnels/${tunnel.id}`)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      ctx.status = statusOf(error.problems)
      this.#showTunnel(ctx, tunnel, { freshKey: '', problems: error.problems, typed: ipv4 })
    }
  }

  async #delete(ctx: Context): Promise<void> {
    const tunnel = this.#signedIn(ctx)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      const detail = 'Tick the box to say that you are sure: a deleted tunnel can not be brought back.'
      ctx.status = PROBLEMS['body-syntax'].status
      this.#showTunnel(ctx, tunnel, { freshKey: '', problems: [{ code: 'body-syntax', detail }] })
      return
    }
    await this.#options.registrar.delete(tunnel)
    this.#options.signIns.close(ctx.get('cookie'))
    this.#page(ctx, 'deleted', {
      title: 'The tunnel is gone',
      name: nameOf(tunnel, this.#options.facts.origin),
    })
  }

  #errors(ctx: Context): void {
    const codes = Object.entries(PROBLEMS).map(([code, { status, title }]) => ({ code, status, title }))
    this.#page(ctx, 'errors', { title: 'Error codes', codes })
  }

  #signedIn(ctx: Context): Tunnel {
    const id = String(paramsOf(ctx).id)
    const tunnel = this.#options.table.byId(id)
    if (tunnel !== undefined && this.#options.signIns.isOpen(id, ctx.get('cookie'))) return tunnel
    throw refuse('unauthorized', 'Open the tunnel with its key first.')
  }

  /** By id, by nicname.country, or by the full name. */
  #find(reference: string): Tunnel | undefined {
    const name = reference.toLowerCase().replace(/\.$/, '')
    const ending = `.${this.#options.facts.origin}`
    const [nicname = '', country = '', ...rest] = (
      name.endsWith(ending) ? name.slice(0, -ending.length) : name
    ).split('.')
    return (
      this.#options.table.byId(reference) ??
      (rest.length === 0 ? this.#options.table.byName(nicname, country) : undefined)
    )
  }

  #page(ctx: Context, name: string, values: PageValues): void {
    ctx.type = 'html'
    ctx.set('cache-control', 'no-store')
    ctx.body = this.#options.views.render(ctx, name, values)
  }

  #seeOther(ctx: Context, location: string): void {
    ctx.redirect(location)
    ctx.status = 303
    ctx.set('cache-control', 'no-store')
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

function paramsOf(ctx: Context): Readonly<Record<string, string>> {
  return (ctx as Context & { params: Record<string, string> }).params
}

function wantsPage(ctx: Context): boolean {
  return ctx.accepts('html', 'json') === 'html'
}

/** What the visitor's own address says about a NAT before it, in words; empty where it says nothing. */
function natWords({ address, family }: VisitorAddress): string {
  const octets = family === 4 ? addressOctets(address) : undefined
  const kind = octets === undefined ? undefined : specialPurpose(new DataView(octets.buffer).getUint32(0))
  if (kind === 'private')
    return `We see you at ${address}, a private address: you are on the same network as this server, or behind a proxy or NAT.`
  if (kind === 'shared')
    return `We see you at ${address}, an address that your provider shares among customers (carrier-grade NAT): a tunnel can not reach you there.`
  return ''
}
