import type Router from '@koa/router'
import type { Context } from 'koa'
import type { KeyCheck } from '../registration/key-check.ts'
import { Refused, refuse } from '../registration/refusal-error.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { PROBLEMS, type Problem, statusOf } from '../shared/problem.ts'
import { nameOf, stateOf, type Tunnel, tunnelText } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import { ddclientLines, UPDATE_PATH } from './dyndns2.ts'
import { OPERATING_SYSTEMS, type OperatingSystem, operatingSystem } from './operating-system.ts'
import type { PortalOptions } from './options.ts'
import { BEARER_CHALLENGE, idOf, seeOther } from './reply.ts'
import type { FirstView, SignIns } from './sign-in.ts'
import { ACTIONS, isAction, scriptFileName, type TunnelScripts } from './tunnel-script.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface TunnelPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle'> {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly keys: KeyCheck
  readonly scripts: TunnelScripts
  readonly signIns: SignIns
  readonly views: Views
}

/** What a view of the tunnel's page has beyond the tunnel itself. */
interface Occasion {
  readonly first?: FirstView
  readonly endpointProblems?: readonly Problem[]
  readonly typedIpv4?: string
  readonly isDeleteUnsure?: boolean
}

const STATE_WORDS = {
  new: 'New: the server is making its end. Reload this page in a moment.',
  active: 'Active: the server’s end is up and the name is published.',
  unreachable: 'Not answering: the server’s end is up, yours does not answer ping.',
} as const
const WRONG_KEY: Problem = {
  code: 'unauthorized',
  detail:
    'No tunnel has this id or name with this key. The key was shown once, when the tunnel was registered.',
}

/** The draft's last page, the script and instructions, and what its owner does with a tunnel later. */
export class TunnelPages {
  readonly #options: TunnelPagesOptions

  constructor(options: TunnelPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels', ctx => this.#signInPage(ctx, ''))
    router.post('/tunnels', ctx => this.#signIn(ctx))
    router.get('/tunnels/:id', ctx => this.#show(ctx))
    router.get('/tunnels/:id/script', ctx => this.#download(ctx))
    router.post('/tunnels/:id/endpoint', ctx => this.#changeEndpoint(ctx))
    router.post('/tunnels/:id/delete', ctx => this.#delete(ctx))
  }

  #signInPage(ctx: Context, reference: string, problems: readonly Problem[] = []): void {
    this.#options.views.send(ctx, 'sign-in', { title: 'Open your tunnel', reference, problems })
  }

  async #signIn(ctx: Context): Promise<void> {
    const { reference = '', key = '' } = await readForm(ctx.req)
    const { keys, signIns } = this.#options
    const tunnel = await keys.open(keys.find(reference.trim()), key.trim(), this.#visitor(ctx))
    if (tunnel === undefined) {
      ctx.status = PROBLEMS.unauthorized.status
      ctx.set(BEARER_CHALLENGE)
      this.#signInPage(ctx, reference, [WRONG_KEY])
      return
    }
    ctx.append('set-cookie', signIns.open(tunnel.id))
    seeOther(ctx, `/tunnels/${tunnel.id}`)
  }

  #show(ctx: Context): void {
    const { signIns, table } = this.#options
    const id = idOf(ctx)
    const token = ctx.method === 'GET' && typeof ctx.query.first === 'string' ? ctx.query.first : ''
    const first = signIns.takeFirstView(id, token)
    if (first === undefined && !signIns.isOpen(id, ctx.get('cookie'))) {
      this.#signInPage(ctx, id)
      return
    }
    const tunnel = table.byId(id)
    if (tunnel === undefined)
      throw refuse('not-found', 'This tunnel has been taken down. You can register a new one.')
    this.#page(ctx, tunnel, first === undefined ? {} : { first })
  }

  #page(ctx: Context, tunnel: Tunnel, occasion: Occasion): void {
    const { facts, lifecycle, publicUrl, views } = this.#options
    const state = stateOf(tunnel)
    const endpointProblems = occasion.endpointProblems ?? []
    views.send(ctx, 'tunnel', {
      title: `${endpointProblems.length > 0 ? 'Please correct: ' : ''}${nameOf(tunnel, facts.origin)}`,
      tunnel: tunnelText(tunnel),
      name: nameOf(tunnel, facts.origin),
      created: new Date(tunnel.creationTime * 1000).toISOString().replace('T', ' ').slice(0, 16),
      state,
      stateWords: STATE_WORDS[state],
      fault: lifecycle.faultOf(tunnel.id) ?? '',
      missed: Math.max(0, tunnel.unreachable),
      probeSeconds: Math.round(facts.probeIntervalMs / 1000),
      freshKey: occasion.first?.key ?? '',
      warnings: occasion.first?.warnings ?? [],
      endpointProblems,
      typedIpv4: occasion.typedIpv4 ?? this.#otherAddress(ctx, tunnel),
      isDeleteUnsure: occasion.isDeleteUnsure ?? false,
      updateUrl: `${publicUrl}${UPDATE_PATH}`,
      ddclientLines: ddclientLines(tunnel.id, nameOf(tunnel, facts.origin), publicUrl),
      ...this.#scriptValues(ctx, tunnel),
    })
  }

  /** Scripts for the system that the query names, or the one that was registered. */
  #scriptValues(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { scripts } = this.#options
    const wanted = typeof ctx.query.os === 'string' ? operatingSystem(ctx.query.os) : undefined
    const system: OperatingSystem | undefined = wanted ?? operatingSystem(tunnel.os) ?? OPERATING_SYSTEMS[0]
    const os = system?.id ?? ''
    return {
      system,
      systems: OPERATING_SYSTEMS.map(entry => ({ ...entry, chosen: entry.id === os })),
      notes: scripts.notes(tunnel, os),
      scripts: ACTIONS.map(action => ({
        action,
        isUp: action === 'up',
        file: scriptFileName(action, system?.ending ?? 'sh'),
        text: scripts.script(tunnel, os, action) ?? '',
      })),
    }
  }

  /** The visitor's IPv4 address where it is not the tunnel's: the one that a moved host will want. */
  #otherAddress(ctx: Context, tunnel: Tunnel): string {
    const { address, family } = this.#visitor(ctx)
    return family === 4 && address !== tunnel.ipv4Client ? address : ''
  }

  #download(ctx: Context): void {
    const tunnel = this.#signedIn(ctx)
    const { os = tunnel.os, action = 'up' } = ctx.query
    const system = operatingSystem(String(os))
    if (system === undefined || typeof action !== 'string' || !isAction(action))
      throw refuse('not-found', 'There is no such script.')
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    ctx.body = this.#options.scripts.script(tunnel, system.id, action) ?? ''
  }

  async #changeEndpoint(ctx: Context): Promise<void> {
    const tunnel = this.#signedIn(ctx)
    const { ipv4 = '' } = await readForm(ctx.req)
    try {
      const { warnings } = await this.#options.registrar.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
      seeOther(ctx, this.#pageAfterMove(tunnel.id, warnings))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      ctx.status = statusOf(error.problems)
      ctx.set({ ...error.headers })
      this.#page(ctx, tunnel, { endpointProblems: error.problems, typedIpv4: ipv4 })
    }
  }

  #pageAfterMove(id: string, warnings: readonly Problem[]): string {
    if (warnings.length === 0) return `/tunnels/${id}`
    const view = { key: '', warnings: warnings.map(warning => warning.detail) }
    return `/tunnels/${id}?first=${this.#options.signIns.keepFirstView(id, view)}`
  }

  async #delete(ctx: Context): Promise<void> {
    const tunnel = this.#signedIn(ctx)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isDeleteUnsure: true })
      return
    }
    await this.#options.registrar.delete(tunnel)
    this.#options.signIns.close(ctx.get('cookie'))
    this.#deletedPage(ctx, tunnel)
  }

  /** With the undo once more: its download is gone with the tunnel. */
  #deletedPage(ctx: Context, tunnel: Tunnel): void {
    const { views, facts, scripts } = this.#options
    views.send(ctx, 'deleted', {
      title: 'The tunnel is gone',
      name: nameOf(tunnel, facts.origin),
      undo: scripts.script(tunnel, tunnel.os, 'down') ?? '',
    })
  }

  /** The tunnel of the route for a browser that is signed in to it. */
  #signedIn(ctx: Context): Tunnel {
    const id = idOf(ctx)
    const tunnel = this.#options.table.byId(id)
    if (tunnel !== undefined && this.#options.signIns.isOpen(id, ctx.get('cookie'))) return tunnel
    throw refuse('unauthorized', 'Open the tunnel with its key first.', BEARER_CHALLENGE)
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}
