import type Router from '@koa/router'
import type { Context } from 'koa'
import type { KeyCheck } from '../registration/key-check.ts'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import { nameOf, stateOf } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import { describe } from './describe.ts'
import type { PortalOptions } from './options.ts'
import { Refused } from './refused.ts'
import { BEARER_CHALLENGE, languageOf, seeOther } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import { briefStageWords } from './stage-words.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface SignInPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle' | 'words'> {
  readonly keys: KeyCheck
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
}

/** What the form shows again, and what the visitor wanted to do before it turned out that the session had ended. */
interface SignInForm {
  readonly reference?: string
  /** An endpoint that was typed on the tunnel's page. */
  readonly ipv4?: string
  readonly problems?: readonly Problem[]
}

const WRONG_KEY = problem('unauthorized', { case: 'wrong-key' })

/** The tunnels that a browser is signed in to, the door to a further one, and the way out. */
export class SignInPages {
  readonly #options: SignInPagesOptions

  constructor(options: SignInPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels', ctx => this.show(ctx))
    router.post('/tunnels', ctx => this.#signIn(ctx))
    router.post('/sign-out', ctx => this.#signOut(ctx))
  }

  show(ctx: Context, { reference = '', ipv4 = '', problems = [] }: SignInForm = {}): void {
    const { views, words } = this.#options
    const language = languageOf(ctx, words)
    const mine = this.#tunnelsOf(ctx).map(tunnel => ({
      id: tunnel.id,
      name: nameOf(tunnel, this.#options.facts.origin),
      state: stateOf(tunnel),
      words: briefStageWords(tunnel, this.#options.lifecycle.endOf(tunnel), language),
    }))
    views.send(ctx, 'sign-in', {
      title: language.sentence(mine.length > 0 && reference === '' ? 'my-tunnels' : 'sign-in'),
      mine,
      reference,
      ipv4,
      problems: describe(problems, language),
    })
  }

  #tunnelsOf(ctx: Context) {
    const { cookie, signIns, table } = this.#options
    const ids = signIns.tunnelsOf(cookie.tokensIn(ctx))
    return ids.flatMap(id => table.byId(id) ?? table.dormant.byId(id) ?? [])
  }

  async #signIn(ctx: Context): Promise<void> {
    const { reference = '', key = '', ipv4 = '' } = await readForm(ctx.req)
    const { keys, signIns, cookie, trustedProxies } = this.#options
    const visitor = visitorOf(ctx.req, trustedProxies)
    const opening = await keys.open(keys.find(reference.trim()), key.trim(), visitor)
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') {
      ctx.status = statusOf([WRONG_KEY])
      ctx.set(BEARER_CHALLENGE)
      this.show(ctx, { reference, ipv4, problems: [WRONG_KEY] })
      return
    }
    const { id } = opening.tunnel
    cookie.send(ctx, signIns.open(id))
    if (ipv4 === '') return seeOther(ctx, `/tunnels/${id}`)
    const typed = signIns.keepFirstView(id, { key: '', warnings: [], typedIpv4: ipv4 })
    seeOther(ctx, `/tunnels/${id}?first=${typed}`)
  }

  #signOut(ctx: Context): void {
    const { cookie, signIns } = this.#options
    signIns.signOut(cookie.tokensIn(ctx))
    cookie.clear(ctx)
    seeOther(ctx, '/tunnels')
  }
}
