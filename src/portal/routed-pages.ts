import type Router from '@koa/router'
import type { Context } from 'koa'
import type { OwnerChanges } from '../registration/owner-changes.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import type { DoneChanges } from './done-changes.ts'
import { Refused } from './refused.ts'
import { seeOther } from './reply.ts'
import { type SignedInParts, signedInTunnel } from './signed-in.ts'

type RoutedParts = SignedInParts & { readonly changes: OwnerChanges; readonly done: DoneChanges }

/** The buttons of a tunnel's page that route a prefix to it, or give it back. */
export class RoutedPages {
  readonly #parts: RoutedParts
  readonly #askAgain: (ctx: Context, tunnel: Tunnel) => void

  /** `askAgain` shows the tunnel's page, which says that the box of the return is to be ticked. */
  constructor(parts: RoutedParts, askAgain: (ctx: Context, tunnel: Tunnel) => void) {
    this.#parts = parts
    this.#askAgain = askAgain
  }

  mount(router: Router): void {
    router.post('/tunnels/:id/routed-prefix', ctx => this.#give(ctx))
    router.post('/tunnels/:id/routed-prefix/return', ctx => this.#return(ctx))
  }

  #give(ctx: Context): Promise<void> {
    return this.#change(ctx, { tunnel: signedInTunnel(ctx, this.#parts), isWanted: true })
  }

  /** Hosts behind the tunnel lose their addresses with it: a click alone does not do that. */
  async #return(ctx: Context): Promise<void> {
    const { sure = '' } = await readForm(ctx.req)
    const tunnel = signedInTunnel(ctx, this.#parts)
    if (sure === 'yes') return this.#change(ctx, { tunnel, isWanted: false })
    ctx.status = 400
    this.#askAgain(ctx, tunnel)
  }

  async #change(
    ctx: Context,
    { tunnel, isWanted }: { readonly tunnel: Tunnel; readonly isWanted: boolean },
  ): Promise<void> {
    const outcome = await this.#parts.changes.changeRouted(tunnel, isWanted)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    this.#parts.done.note(tunnel.id, this.#parts.cookie.tokensIn(ctx), isWanted ? 'routed' : 'returned')
    seeOther(ctx, `/tunnels/${tunnel.id}#routed-title`)
  }
}
