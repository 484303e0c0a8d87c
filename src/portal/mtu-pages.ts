import type Router from '@koa/router'
import type { Context } from 'koa'
import type { OwnerChanges } from '../registration/owner-changes.ts'
import { type Problem, statusOf } from '../shared/problem.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import type { DoneChanges } from './done-changes.ts'
import { refuseByPage } from './refusal-note.ts'
import { Refused } from './refused.ts'
import { seeOther, wantsPage } from './reply.ts'
import type { SignInPages } from './sign-in-pages.ts'
import { isSignedIn, type SignedInParts, signedInTunnel } from './signed-in.ts'

const NUMBER = /^\d{1,6}$/

/** A form of a tunnel's page that was refused: what was typed, and what is wrong with it. */
export interface RefusedForm {
  readonly field: 'mtu' | 'public_key'
  readonly typed: string
  readonly problems: readonly Problem[]
}

/** What a form of a tunnel's page works with. */
export type OwnFormParts = SignedInParts & {
  readonly changes: OwnerChanges
  readonly done: DoneChanges
  readonly signInPages: Pick<SignInPages, 'askFirst'>
  /** Shows the tunnel's page with the form as it was sent. */
  readonly showAgain: (ctx: Context, tunnel: Tunnel, refused: RefusedForm) => void
}

/** Statuses of refusals after which there is no page to show: the session is void, or the tunnel is gone. */
const CLOSED: readonly number[] = [401, 404]

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
    const outcome = await this.#parts.changes.changeMtu(tunnel, wishIn(mtu))
    if (outcome.kind === 'refused') {
      const { problems } = outcome
      return refuseForm(ctx, tunnel, { ...this.#parts, field: 'mtu', typed: mtu, problems })
    }
    this.#parts.done.note(tunnel.id, this.#parts.cookie.tokensIn(ctx), 'mtu')
    seeOther(ctx, `/tunnels/${tunnel.id}#mtu-title`)
  }
}

/** Shows the form again to a person whose tunnel is there. Throws Refused for others. */
export function refuseForm(
  ctx: Context,
  tunnel: Tunnel,
  { showAgain, field, typed, problems }: RefusedForm & Pick<OwnFormParts, 'showAgain'>,
): void {
  const status = statusOf(problems)
  const isOfField = problems.every(({ code }) => code.startsWith(field === 'mtu' ? 'mtu' : 'public-key'))
  if (!wantsPage(ctx) || CLOSED.includes(status) || !isOfField) throw new Refused(problems)
  refuseByPage(ctx, problems)
  showAgain(ctx, tunnel, { field, typed, problems })
}

/** A number, undefined for an empty field, and what is neither as it stands. */
function wishIn(typed: string): unknown {
  if (typed === '') return undefined
  return NUMBER.test(typed) ? Number(typed) : typed
}
