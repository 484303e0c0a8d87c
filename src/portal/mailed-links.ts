import type Router from '@koa/router'
import type { Context } from 'koa'
import { tunnelById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import type { VisitorLimits } from '../registration/limits.ts'
import type { Registrar } from '../registration/registrar.ts'
import { problem } from '../shared/problem.ts'
import { wayOf } from '../tunnel/contact.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse, retryAfter } from './refused.ts'
import { languageOf } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'
import { toNewKey, toWaitingKey } from './waiting-key.ts'

export interface MailedLinksOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle' | 'words' | 'log'> {
  readonly correspondence: Correspondence
  readonly keys: KeyCheck
  readonly registrar: Registrar
  readonly limits: VisitorLimits
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
}

/** The link that is mailed to an owner whose key is lost. */
export class MailedLinks {
  readonly #options: MailedLinksOptions

  constructor(options: MailedLinksOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.post('/recover/mail', ctx => this.#send(ctx))
    router.get('/recover/mail/:token', ctx => this.#ask(ctx))
    router.post('/recover/mail/:token', ctx => this.#recover(ctx))
  }

  /** Says the same whether there is such a tunnel or not, and an address or not: nobody learns of either. */
  async #send(ctx: Context): Promise<void> {
    const { reference = '', email = '' } = await readForm(ctx.req)
    const { keys, limits, views, words } = this.#options
    const tooMany = limits.takeMail(visitorOf(ctx.req, this.#options.trustedProxies))
    if (tooMany !== undefined) throw new Refused([tooMany], retryAfter([tooMany]))
    const tunnel = keys.find(reference)
    if (tunnel !== undefined && !('reason' in tunnel)) this.#mail(tunnel, email)
    const title = languageOf(ctx, words).sentence('recover')
    views.send(ctx, 'recover-mail', { title, reference })
  }

  /** To an address whose reader has said yes alone: anybody may have left a stranger's. */
  #mail({ id }: Tunnel, email: string): void {
    const { correspondence, lifecycle, limits, log } = this.#options
    const way = wayOf(correspondence.wishes.of(id), 'email')
    if (way?.isConfirmed !== true || way.target.toLowerCase() !== email.toLowerCase()) return
    if (!limits.takeMailTo(id)) return
    // Not waited for: how long the answer takes tells nobody that there is such a tunnel.
    lifecycle.sendRecovery(id).catch(error => log.error({ err: error }, 'a link could not be sent'))
  }

  /** Opening the link does nothing yet: mail programs open links by themselves. */
  #ask(ctx: Context): void {
    const { facts, views, words } = this.#options
    const token = tokenOf(ctx)
    const name = nameOf(this.#tunnelOf(token), facts.origin)
    views.send(ctx, 'recover-mail', { title: languageOf(ctx, words).sentence('recover'), token, name })
  }

  async #recover(ctx: Context): Promise<void> {
    const token = tokenOf(ctx)
    if (toWaitingKey(ctx, { ...this.#options, shown: [token] })) return
    const renewal = await this.#options.registrar.renewKey(this.#tunnelOf(token), { link: token })
    if (renewal.kind === 'refused') {
      // Of two clicks at once the other was first.
      if (toWaitingKey(ctx, { ...this.#options, shown: [token] })) return
      throw new Refused(renewal.problems)
    }
    toNewKey(ctx, { ...this.#options, askedWith: [token], renewal })
  }

  #tunnelOf(token: string): Tunnel {
    const { lifecycle, signIns, table } = this.#options
    const id = lifecycle.proofs.linkedTunnel(token) ?? signIns.waitingFor([token])?.tunnelId
    const tunnel = id === undefined ? undefined : tunnelById(table, id)
    if (tunnel !== undefined) return tunnel
    const broken = id === undefined ? undefined : table.brokenById(id)
    throw refuse(broken === undefined ? problem('link-expired', {}) : REFUSAL.broken(broken))
  }
}

function tokenOf(ctx: Context): string {
  return String((ctx.params as Readonly<Record<string, unknown>>).token)
}
