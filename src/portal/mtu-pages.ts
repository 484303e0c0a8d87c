import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Registrar } from '../registration/registrar.ts'
import { readForm } from './body.ts'
import { Refused } from './refused.ts'
import { seeOther, wantsPage } from './reply.ts'
import type { SignInPages } from './sign-in-pages.ts'
import { isSignedIn, type SignedInParts, signedInTunnel } from './signed-in.ts'

const NUMBER = /^\d{1,6}$/

/** What a form of a tunnel's page works with. */
export type OwnFormParts = SignedInParts & {
  readonly registrar: Registrar
  readonly signInPages: Pick<SignInPages, 'askFirst'>
}

/** The form by which a tunnel takes smaller packets than its kind, or what its kind takes. */
export class MtuPages {
  readonly #parts: OwnFormParts

  constructor(parts: OwnFormParts) {
    this.#parts = parts
  }

  mount(router: Router): void {
    router.post('/tunnels/:id/mtu', ctx => this.#change(ctx))
  }

  async #change(ctx: Context): Promise<void> {
    const { mtu = '' } = await readForm(ctx.req)
    if (!isSignedIn(ctx, this.#parts) && wantsPage(ctx)) {
      this.#parts.signInPages.askFirst(ctx, { mtu })
      return
    }
    const tunnel = signedInTunnel(ctx, this.#parts)
    const outcome = await this.#parts.registrar.changeMtu(tunnel, wishIn(mtu.trim()))
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    seeOther(ctx, `/tunnels/${tunnel.id}#mtu-title`)
  }
}

/** A number, undefined for an empty field, and what is neither as it stands. */
function wishIn(typed: string): unknown {
  if (typed === '') return undefined
  return NUMBER.test(typed) ? Number(typed) : typed
}
