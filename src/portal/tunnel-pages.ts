import type Router from '@koa/router'
import type { Context } from 'koa'
import { rowById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { OwnerChanges } from '../registration/owner-changes.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, problem } from '../shared/problem.ts'
import {
  type BrokenRow,
  isUnoffered,
  nameOf,
  nameOfRow,
  type Tunnel,
  type UnofferedRow,
} from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import type { DeletedTunnels } from './deleted-tunnels.ts'
import type { DoneChanges } from './done-changes.ts'
import { MtuPages, type RefusedForm } from './mtu-pages.ts'
import type { PortalOptions } from './options.ts'
import { PublicKeyPages } from './public-key-pages.ts'
import { queryValue } from './query.ts'
import { refuseByPage } from './refusal-note.ts'
import { Refused, refuse } from './refused.ts'
import { idOf, languageOf, NEXT_VIEW, seeOther, wantsPage } from './reply.ts'
import { RoutedPages } from './routed-pages.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { SignInPages } from './sign-in-pages.ts'
import { deletableTunnel, isSignedIn, keepUnlessSent, signedInTunnel } from './signed-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import { isAction, scriptFileName } from './tunnel-scripts.ts'
import { TunnelView, type TunnelViewOptions } from './tunnel-view.ts'
import { sendUnoffered } from './unoffered-page.ts'
import { visitorOf } from './visitor.ts'
import { toNewKey, toWaitingKey } from './waiting-key.ts'

export interface TunnelPagesOptions extends TunnelViewOptions, Pick<PortalOptions, 'table'> {
  readonly registrar: Registrar
  readonly changes: OwnerChanges
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly events: TunnelEvents
  readonly signInPages: SignInPages
  readonly deleted: DeletedTunnels
  readonly done: DoneChanges
}

/** The draft's last page, with the script and instructions, and what its owner does with a tunnel later. */
export class TunnelPages {
  readonly #options: TunnelPagesOptions
  readonly #view: TunnelView

  constructor(options: TunnelPagesOptions) {
    this.#options = options
    this.#view = new TunnelView(options)
  }

  mount(router: Router): void {
    router.get('/tunnels/:id', ctx => this.#show(ctx))
    router.get('/tunnels/:id/script', ctx => this.#download(ctx))
    router.post('/tunnels/:id/endpoint', ctx => this.#changeEndpoint(ctx))
    router.post('/tunnels/:id/key', ctx => this.#renewKey(ctx))
    router.post('/tunnels/:id/delete', ctx => this.#delete(ctx))
    const askAgain = (ctx: Context, tunnel: Tunnel) => this.#view.send(ctx, tunnel, { isReturnUnsure: true })
    new RoutedPages(this.#options, askAgain).mount(router)
    const showAgain = (ctx: Context, tunnel: Tunnel, refusedForm: RefusedForm) =>
      this.#view.send(ctx, tunnel, { refusedForm })
    new PublicKeyPages({ ...this.#options, showAgain }).mount(router)
    new MtuPages({ ...this.#options, showAgain }).mount(router)
  }

  async #show(ctx: Context): Promise<void> {
    const { signIns, cookie, changes, table } = this.#options
    const id = idOf(ctx)
    const token = ctx.method === 'GET' ? (queryValue(ctx, 'first') ?? '') : ''
    const first = signIns.takeFirstView(id, token)
    if (first !== undefined) keepUnlessSent(ctx, { ...this.#options, token })
    if (first === undefined && !signIns.isOpen(id, cookie.tokensIn(ctx))) {
      if (toWaitingKey(ctx, { ...this.#options, shown: cookie.tokensIn(ctx), tunnelId: id })) return
      this.#options.signInPages.show(ctx, { reference: id })
      return
    }
    const tunnel = this.#found(id)
    const deleted = this.#options.deleted.find(id)
    if (tunnel === undefined && deleted !== undefined) return this.#deletedPage(ctx, deleted)
    if (tunnel === undefined) throw refuse(problem('not-found', { case: 'taken-down' }))
    if (isUnoffered(tunnel)) return sendUnoffered(ctx, tunnel, this.#options)
    if ('reason' in tunnel) throw refuse(REFUSAL.broken(tunnel))
    const { tunnel: awoken, warnings } = await changes.visit(tunnel)
    const shown = first?.key ?? ''
    if (shown !== '' && !table.keyMatches(id, shown)) return seeOther(ctx, `/tunnels/${id}`) // void meanwhile
    if (shown !== '') ctx.state[NEXT_VIEW] = signIns.passOn(token)
    const done = ctx.method === 'GET' ? this.#options.done.take(id, cookie.tokensIn(ctx)) : undefined
    this.#view.send(ctx, awoken, { wakeProblems: warnings, done, ...(first === undefined ? {} : { first }) })
  }

  async #download(ctx: Context): Promise<void> {
    const tunnel = await this.#options.changes.wake(signedInTunnel(ctx, this.#options))
    const action = queryValue(ctx, 'action') ?? 'up'
    const system = this.#options.systems.find(queryValue(ctx, 'os') ?? tunnel.os)
    if (system === undefined || !isAction(action)) throw refuse(problem('not-found', { case: 'script' }))
    ctx.type = 'text/plain'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    const language = languageOf(ctx, this.#options.words).tag
    ctx.body = this.#options.scripts.script(tunnel, { os: system.id, action, language }) ?? ''
  }

  async #changeEndpoint(ctx: Context): Promise<void> {
    const { ipv4 = '', present = '', sure = '' } = await readForm(ctx.req)
    if (!isSignedIn(ctx, this.#options) && wantsPage(ctx)) {
      this.#options.signInPages.askFirst(ctx, { ipv4 })
      return
    }
    const tunnel = signedInTunnel(ctx, this.#options)
    if (present !== '' && sure !== 'yes') {
      ctx.status = 400
      this.#view.send(ctx, tunnel, { isMoveUnsure: true })
      return
    }
    const outcome = await this.#options.changes.changeEndpoint(tunnel, ipv4, this.#visitor(ctx))
    if (outcome.kind === 'moved') {
      this.#options.done.note(tunnel.id, this.#options.cookie.tokensIn(ctx), 'endpoint')
      seeOther(ctx, this.#pageAfterMove(tunnel.id, outcome.warnings))
      return
    }
    refuseByPage(ctx, outcome.problems)
    this.#view.send(ctx, tunnel, { endpointProblems: outcome.problems, typedIpv4: ipv4 })
  }

  #pageAfterMove(id: string, warnings: readonly Problem[]): string {
    if (warnings.length === 0) return `/tunnels/${id}`
    const view = { key: '', warnings }
    return `/tunnels/${id}?first=${this.#options.signIns.keepFirstView(id, view)}`
  }

  async #renewKey(ctx: Context): Promise<void> {
    const { cookie, registrar, signIns } = this.#options
    const { sure = '' } = await readForm(ctx.req)
    const shown = cookie.tokensIn(ctx)
    if (toWaitingKey(ctx, { ...this.#options, shown, tunnelId: idOf(ctx) })) return
    const tunnel = signedInTunnel(ctx, this.#options)
    const askedWith = signIns.openIn(tunnel.id, shown) // and none that others have planted
    if (sure !== 'yes') {
      ctx.status = 400
      this.#view.send(ctx, tunnel, { isKeyUnsure: true })
      return
    }
    const renewal = await registrar.renewKey(tunnel, 'key')
    if (renewal.kind === 'refused') {
      // Of two clicks at once the other was first.
      if (toWaitingKey(ctx, { ...this.#options, shown, tunnelId: tunnel.id })) return
      throw new Refused(renewal.problems)
    }
    toNewKey(ctx, { ...this.#options, askedWith, renewal })
  }

  async #delete(ctx: Context): Promise<void> {
    const { deleted, registrar } = this.#options
    const { sure = '' } = await readForm(ctx.req)
    const before = isSignedIn(ctx, this.#options) ? deleted.find(idOf(ctx)) : undefined
    if (before !== undefined) return this.#deletedPage(ctx, before) // a second click, or the first reply was lost
    const tunnel = deletableTunnel(ctx, this.#options)
    if (sure !== 'yes') return this.#askIfSure(ctx, tunnel)
    const outcome = await registrar.delete(tunnel)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    this.#options.signIns.forgetViews(tunnel.id)
    this.#deletedPage(ctx, tunnel)
  }

  #askIfSure(ctx: Context, tunnel: Tunnel | UnofferedRow): void {
    const unsure = { isDeleteUnsure: true }
    if (isUnoffered(tunnel)) sendUnoffered(ctx, tunnel, { ...this.#options, ...unsure })
    else {
      ctx.status = 400
      this.#view.send(ctx, tunnel, unsure)
    }
  }

  /** With the undo once more: its download is gone with the tunnel. */
  #deletedPage(ctx: Context, tunnel: Tunnel | UnofferedRow): void {
    const { views, facts, scripts, words } = this.#options
    const language = languageOf(ctx, words)
    const undo = isUnoffered(tunnel)
      ? undefined // no script is made for its kind
      : scripts.script(tunnel, { os: tunnel.os, action: 'down', language: language.tag })
    views.send(ctx, 'deleted', {
      title: language.sentence('deleted'),
      name: isUnoffered(tunnel) ? nameOfRow(tunnel, facts.origin) : nameOf(tunnel, facts.origin),
      undo: undo ?? '',
    })
  }

  #found(id: string): Tunnel | BrokenRow | undefined {
    const { table } = this.#options
    return rowById(table, id)
  }

  #visitor(ctx: Context): VisitorAddress {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}
