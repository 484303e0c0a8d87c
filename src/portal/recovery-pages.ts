import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Correspondence } from '../mail/correspondence.ts'
import { tunnelBehind } from '../registration/own-tunnel.ts'
import type { Registrar } from '../registration/registrar.ts'
import { nameOf } from '../tunnel/tunnel.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { languageOf } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'
import { toNewKey } from './waiting-key.ts'

export interface RecoveryPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'words'> {
  readonly publicUrl: string
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
  readonly correspondence: Correspondence
}

/** A new key for an owner who has lost the old one and comes through the tunnel itself. */
export class RecoveryPages {
  readonly #options: RecoveryPagesOptions

  constructor(options: RecoveryPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/recover', ctx => this.#show(ctx))
    router.post('/recover', ctx => this.#recover(ctx))
  }

  #show(ctx: Context): void {
    const { facts, correspondence, publicUrl, table, views, words } = this.#options
    const visitor = visitorOf(ctx.req, this.#options.trustedProxies)
    const behind = tunnelBehind(table, visitor)
    const language = languageOf(ctx, words)
    views.send(ctx, 'recover', {
      title: language.sentence('recover'),
      hasMail: correspondence.wishes.offers('email'),
      visitor,
      name: behind.kind === 'found' ? nameOf(behind.tunnel, facts.origin) : '',
      why: behind.kind === 'none' ? language.detail(behind.problem) : '',
      command: `curl -6 -X POST ${publicUrl}/api/v1/recover`,
    })
  }

  async #recover(ctx: Context): Promise<void> {
    const { registrar, table, trustedProxies } = this.#options
    const behind = tunnelBehind(table, visitorOf(ctx.req, trustedProxies))
    if (behind.kind === 'none') throw refuse(behind.problem)
    const renewal = await registrar.renewKey(behind.tunnel)
    if (renewal.kind === 'refused') throw new Refused(renewal.problems)
    toNewKey(ctx, { ...this.#options, askedWith: [], renewal })
  }
}
