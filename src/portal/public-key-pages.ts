import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Prefix } from '../address/prefix.ts'
import type { Registrar } from '../registration/registrar.ts'
import { readForm } from './body.ts'
import { Refused } from './refused.ts'
import { seeOther } from './reply.ts'
import { type SignedInParts, signedInTunnel } from './signed-in.ts'
import { visitorOf } from './visitor.ts'

/** The form by which a WireGuard tunnel is known by another public key: its private key is lost, or may be known. */
export class PublicKeyPages {
  readonly #parts: SignedInParts & {
    readonly registrar: Registrar
    readonly trustedProxies: readonly Prefix[]
  }

  constructor(
    parts: SignedInParts & { readonly registrar: Registrar; readonly trustedProxies: readonly Prefix[] },
  ) {
    this.#parts = parts
  }

  mount(router: Router): void {
    router.post('/tunnels/:id/public-key', ctx => this.#change(ctx))
  }

  async #change(ctx: Context): Promise<void> {
    const { registrar, trustedProxies } = this.#parts
    const tunnel = signedInTunnel(ctx, this.#parts)
    const { public_key = '' } = await readForm(ctx.req)
    const outcome = await registrar.changeKey(tunnel, public_key, visitorOf(ctx.req, trustedProxies))
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    seeOther(ctx, `/tunnels/${tunnel.id}`)
  }
}
