import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Prefix } from '../address/prefix.ts'
import { readForm } from './body.ts'
import { type OwnFormParts, refuseForm } from './mtu-pages.ts'
import { seeOther, wantsPage } from './reply.ts'
import { isSignedIn, signedInTunnel } from './signed-in.ts'
import { visitorOf } from './visitor.ts'

/** The form by which a WireGuard tunnel is known by another public key: its private key is lost, or may be known. */
export class PublicKeyPages {
  readonly #parts: OwnFormParts & { readonly trustedProxies: readonly Prefix[] }

  constructor(parts: OwnFormParts & { readonly trustedProxies: readonly Prefix[] }) {
    this.#parts = parts
  }

  mount(router: Router): void {
    router.post('/tunnels/:id/public-key', ctx => this.#change(ctx))
  }

  async #change(ctx: Context): Promise<void> {
    const { changes, cookie, done, trustedProxies } = this.#parts
    const { public_key = '' } = await readForm(ctx.req)
    if (!isSignedIn(ctx, this.#parts) && wantsPage(ctx)) {
      this.#parts.signInPages.askFirst(ctx, { public_key })
      return
    }
    const tunnel = signedInTunnel(ctx, this.#parts)
    const outcome = await changes.changeKey(tunnel, public_key, visitorOf(ctx.req, trustedProxies))
    if (outcome.kind === 'refused') {
      const { problems } = outcome
      return refuseForm(ctx, tunnel, { ...this.#parts, field: 'public_key', typed: public_key, problems })
    }
    done.note(tunnel.id, cookie.tokensIn(ctx), 'public-key')
    seeOther(ctx, `/tunnels/${tunnel.id}`)
  }
}
