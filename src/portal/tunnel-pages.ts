import type Router from '@koa/router'
import type { Context } from 'koa'
import type { KeyCheck } from '../registration/key-check.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import { nameOf, stateOf, type Tunnel, tunnelText } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import { describe } from './describe.ts'
import { UPDATE_PATH } from './dyndns2.ts'
import { firstSteps } from './first-steps.ts'
import { lastHour } from './history-pages.ts'
import { minuteOf } from './minute.ts'
import type { OperatingSystem } from './operating-systems.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse, retryAfter } from './refused.ts'
import type { Renewals } from './renewals.ts'
import { BEARER_CHALLENGE, idOf, languageOf, seeOther } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { FirstView, SignIns } from './sign-in.ts'
import { signedInTunnel } from './signed-in.ts'
import { ACTIONS, isAction, scriptFileName, type TunnelScripts } from './tunnel-scripts.ts'
import {
  CURL_PATH,
  cronLine,
  curlLines,
  ddclientLines,
  FOLLOW_PATH,
  followLines,
  inadynLines,
} from './update-lines.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface TunnelPagesOptions
  extends Pick<
    PortalOptions,
    'trustedProxies' | 'facts' | 'history' | 'table' | 'lifecycle' | 'words' | 'systems'
  > {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly renewals: Renewals
  readonly keys: KeyCheck
  readonly scripts: TunnelScripts
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
}

/** What a view of the tunnel's page has beyond the tunnel itself. */
interface Occasion {
  readonly first?: FirstView
  readonly endpointProblems?: readonly Problem[]
  readonly typedIpv4?: string
  readonly isDeleteUnsure?: boolean
  readonly isKeyUnsure?: boolean
}

const WRONG_KEY = problem('unauthorized', { case: 'wrong-key' })

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
    router.post('/tunnels/:id/key', ctx => this.#renewKey(ctx))
    router.post('/tunnels/:id/delete', ctx => this.#delete(ctx))
  }

  #signInPage(ctx: Context, reference: string, problems: readonly Problem[] = []): void {
    const language = languageOf(ctx, this.#options.words)
    this.#options.views.send(ctx, 'sign-in', {
      title: language.sentence('sign-in'),
      reference,
      problems: describe(problems, language),
    })
  }

  async #signIn(ctx: Context): Promise<void> {
    const { reference = '', key = '' } = await readForm(ctx.req)
    const { keys, signIns, cookie } = this.#options
    const opening = await keys.open(keys.find(reference.trim()), key.trim(), this.#visitor(ctx))
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') {
      ctx.status = statusOf([WRONG_KEY])
      ctx.set(BEARER_CHALLENGE)
      this.#signInPage(ctx, reference, [WRONG_KEY])
      return
    }
    const { tunnel } = opening
    cookie.send(ctx, signIns.open(tunnel.id))
    seeOther(ctx, `/tunnels/${tunnel.id}`)
  }

  async #show(ctx: Context): Promise<void> {
    const { signIns, cookie, registrar } = this.#options
    const id = idOf(ctx)
    const token = ctx.method === 'GET' && typeof ctx.query.first === 'string' ? ctx.query.first : ''
    const first = signIns.takeFirstView(id, token)
    if (first !== undefined) this.#keepUnlessSent(ctx, token)
    if (first === undefined && !signIns.isOpen(id, cookie.tokensIn(ctx))) {
      this.#signInPage(ctx, id)
      return
    }
    const tunnel = this.#found(id)
    if (tunnel === undefined) throw refuse(problem('not-found', { case: 'taken-down' }))
    this.#page(ctx, await registrar.wake(tunnel), first === undefined ? {} : { first })
  }

  /** Neither a reload that breaks the first view off nor a fault of ours may lose the key. */
  #keepUnlessSent(ctx: Context, token: string): void {
    const { signIns } = this.#options
    ctx.res.once('close', () => {
      if (ctx.res.writableFinished && ctx.res.statusCode < 400) signIns.forgetTaken(token)
      else signIns.putBack(token)
    })
  }

  #page(ctx: Context, tunnel: Tunnel, occasion: Occasion): void {
    const { facts, history, lifecycle, publicUrl, views, words } = this.#options
    const language = languageOf(ctx, words)
    const state = stateOf(tunnel)
    const endpointProblems = describe(occasion.endpointProblems ?? [], language)
    const name = nameOf(tunnel, facts.origin)
    const key = occasion.first?.key ?? ''
    views.send(ctx, 'tunnel', {
      title: endpointProblems.length > 0 ? language.sentence('correct', { title: name }) : name,
      tunnel: tunnelText(tunnel),
      name,
      created: minuteOf(tunnel.creationTime),
      state,
      stateWords: language.sentence(`state-${state}`, { until: minuteOf(lifecycle.endOf(tunnel)) }),
      since: minuteOf(tunnel.dormant?.since ?? tunnel.stateSince),
      fault: lifecycle.faultOf(tunnel.id) ?? '',
      missed: Math.max(0, tunnel.unreachable),
      probeSeconds: Math.round(facts.probeIntervalMs / 1000),
      firstAnswer: language.duration(facts.firstAnswerMs / 1000),
      keep: language.duration(facts.keepMs / 1000),
      negativeTtl: language.duration(facts.negativeTtl()),
      lastHour: lastHour(history, tunnel.id, language),
      freshKey: key,
      keyFile: keyFile(language.sentence('key-file', { name, id: tunnel.id, key, url: this.#urlOf(tunnel) })),
      warnings: describe(occasion.first?.warnings ?? [], language).map(({ detail }) => detail),
      endpointProblems,
      typedIpv4: occasion.typedIpv4 ?? '',
      presentIpv4: this.#otherAddress(ctx, tunnel),
      isDeleteUnsure: occasion.isDeleteUnsure ?? false,
      isKeyUnsure: occasion.isKeyUnsure ?? false,
      updateUrl: `${publicUrl}${UPDATE_PATH}`,
      ...this.#scriptValues(ctx, tunnel),
      ...this.#updateLines(ctx, tunnel),
    })
  }

  /** How update clients move both ends. */
  #updateLines(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { facts, publicUrl } = this.#options
    const hasShellScript = this.#system(ctx, tunnel)?.ending === 'sh'
    const of = { id: tunnel.id, name: nameOf(tunnel, facts.origin), publicUrl, hasShellScript }
    return {
      hasShellScript,
      followPath: FOLLOW_PATH,
      curlPath: CURL_PATH,
      followLines: followLines(),
      ddclientLines: ddclientLines(of),
      inadynLines: inadynLines(of),
      curlLines: curlLines(of),
      cronLine: cronLine(of),
    }
  }

  /** The system that the query names, or the one that was registered. */
  #system(ctx: Context, tunnel: Tunnel): OperatingSystem | undefined {
    const { systems } = this.#options
    const wanted = typeof ctx.query.os === 'string' ? systems.find(ctx.query.os) : undefined
    return wanted ?? systems.find(tunnel.os) ?? systems.all[0]
  }

  #scriptValues(ctx: Context, tunnel: Tunnel): Readonly<Record<string, unknown>> {
    const { scripts, systems } = this.#options
    const system = this.#system(ctx, tunnel)
    const os = system?.id ?? ''
    const api = `${this.#options.publicUrl}/api/v1/tunnels/${tunnel.id}`
    const steps = firstSteps(system?.ending ?? 'sh', `${api}/script?os=${os}&action=up`)
    const language = languageOf(ctx, this.#options.words)
    return {
      steps: steps.map(({ sentence, command }, at) => ({ at, words: language.sentence(sentence), command })),
      system,
      systems: systems.all.map(entry => ({ ...entry, chosen: entry.id === os })),
      notes: scripts.notes(tunnel, os),
      scripts: ACTIONS.map(action => ({
        action,
        isUp: action === 'up',
        file: scriptFileName(action, system?.ending ?? 'sh'),
        text: scripts.script(tunnel, os, action) ?? '',
      })),
    }
  }

  /** The visitor's IPv4 address where it is not the tunnel's: a moved host will want it, a guest in a café will not. */
  #otherAddress(ctx: Context, tunnel: Tunnel): string {
    const { address, family } = this.#visitor(ctx)
    return family === 4 && address !== tunnel.ipv4Client ? address : ''
  }

  async #download(ctx: Context): Promise<void> {
    const tunnel = await this.#options.registrar.wake(signedInTunnel(ctx, this.#options))
    const { os = tunnel.os, action = 'up' } = ctx.query
    const system = this.#options.systems.find(String(os))
    if (system === undefined || typeof action !== 'string' || !isAction(action))
      throw refuse(problem('not-found', { case: 'script' }))
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    ctx.body = this.#options.scripts.script(tunnel, system.id, action) ?? ''
  }

  async #changeEndpoint(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { ipv4 = '' } = await readForm(ctx.req)
    const outcome = await this.#options.registrar.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
    if (outcome.kind === 'moved') {
      seeOther(ctx, this.#pageAfterMove(tunnel.id, outcome.warnings))
      return
    }
    ctx.status = statusOf(outcome.problems)
    ctx.set({ ...retryAfter(outcome.problems) })
    this.#page(ctx, tunnel, { endpointProblems: outcome.problems, typedIpv4: ipv4 })
  }

  #pageAfterMove(id: string, warnings: readonly Problem[]): string {
    if (warnings.length === 0) return `/tunnels/${id}`
    const view = { key: '', warnings }
    return `/tunnels/${id}?first=${this.#options.signIns.keepFirstView(id, view)}`
  }

  #urlOf({ id }: Tunnel): string {
    return `${this.#options.publicUrl}/tunnels/${id}`
  }

  async #renewKey(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isKeyUnsure: true })
      return
    }
    const { cookie, renewals, signIns } = this.#options
    const renewal = await renewals.renew(tunnel)
    if (renewal.kind === 'refused') throw new Refused(renewal.problems)
    cookie.send(ctx, signIns.open(tunnel.id))
    const token = signIns.keepFirstView(tunnel.id, { key: renewal.key, warnings: [] })
    seeOther(ctx, `/tunnels/${tunnel.id}?first=${token}`)
  }

  async #delete(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { sure = '' } = await readForm(ctx.req)
    if (sure !== 'yes') {
      ctx.status = 400
      this.#page(ctx, tunnel, { isDeleteUnsure: true })
      return
    }
    const outcome = await this.#options.registrar.delete(tunnel)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    this.#options.signIns.close(tunnel.id)
    this.#deletedPage(ctx, tunnel)
  }

  /** With the undo once more: its download is gone with the tunnel. */
  #deletedPage(ctx: Context, tunnel: Tunnel): void {
    const { views, facts, scripts, words } = this.#options
    views.send(ctx, 'deleted', {
      title: languageOf(ctx, words).sentence('deleted'),
      name: nameOf(tunnel, facts.origin),
      undo: scripts.script(tunnel, tunnel.os, 'down') ?? '',
    })
  }

  #found(id: string): Tunnel | undefined {
    const { table } = this.#options
    return table.byId(id) ?? table.dormant.byId(id)
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** A link that saves a text without a script and without asking us again. */
function keyFile(text: string): string {
  return `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`
}
