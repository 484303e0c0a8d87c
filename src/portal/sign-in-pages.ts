import { createHash } from 'node:crypto'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { rowById } from '../lifecycle/find-tunnel.ts'
import { lowerCaseAscii } from '../registration/ascii.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import type { Registrar } from '../registration/registrar.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { type BrokenRow, isUnoffered, nameOf, nameOfRow, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import { typedKey } from '../tunnel/tunnel-key.ts'
import type { Language } from '../words/language.ts'
import { readForm } from './body.ts'
import type { DeletedTunnels } from './deleted-tunnels.ts'
import { describe } from './describe.ts'
import type { PortalOptions } from './options.ts'
import { refuseByPage } from './refusal-note.ts'
import { Refused } from './refused.ts'
import { BEARER_CHALLENGE, idOf, languageOf, seeOther, wantsPage } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import { AWAITING_FIELDS, type AwaitingFields, type SignIns } from './sign-in.ts'
import { briefStageWords } from './stage-words.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'
import { toNewKey, toWaitingKey } from './waiting-key.ts'

export interface SignInPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle' | 'words'> {
  readonly keys: KeyCheck
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly events: TunnelEvents
  readonly views: Views
  readonly deleted: DeletedTunnels
}

/** What the form shows again, and what the visitor wanted to do before it turned out that the session had ended. */
interface SignInForm {
  readonly reference?: string
  /** What was typed into a form of the tunnel's. */
  readonly typed?: AwaitingFields
  readonly problems?: readonly Problem[]
}

const NO_KEY = problem('unauthorized', { case: 'no-key' })
const WRONG_KEY = problem('unauthorized', { case: 'wrong-key' })
const SIGN_IN_FIRST = problem('unauthorized', { case: 'page' })

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

  /** Asks whoever has sent a form of a tunnel's to sign in first; what was typed waits. */
  askFirst(ctx: Context, typed: AwaitingFields): void {
    refuseByPage(ctx, [SIGN_IN_FIRST])
    ctx.set(BEARER_CHALLENGE)
    this.show(ctx, { reference: idOf(ctx), typed, problems: [SIGN_IN_FIRST] })
  }

  show(ctx: Context, { reference = '', typed = {}, problems = [] }: SignInForm = {}): void {
    const { views, words } = this.#options
    const language = languageOf(ctx, words)
    const mine = this.#rowsOf(ctx).flatMap(row => this.#lineOf(row, language) ?? [])
    views.send(ctx, 'sign-in', {
      title: language.sentence(mine.length > 0 && reference === '' ? 'my-tunnels' : 'sign-in'),
      mine,
      hasCookie: this.#options.cookie.tokensIn(ctx).length > 0,
      reference,
      typed: Object.entries(typed).map(([name, value]) => ({ name, value })),
      problems: describe(problems, language),
    })
  }

  #rowsOf(ctx: Context): readonly (Tunnel | BrokenRow)[] {
    const { cookie, signIns, table } = this.#options
    const ids = signIns.tunnelsOf(cookie.tokensIn(ctx))
    return ids.flatMap(id => rowById(table, id) ?? [])
  }

  /** How a tunnel stands in the list of its owner's; nothing if its page has nothing to show. */
  #lineOf(row: Tunnel | BrokenRow, language: Language) {
    const { facts, lifecycle } = this.#options
    if (isUnoffered(row)) {
      const words = language.title('tunnel-unoffered')
      return { id: row.id, name: nameOfRow(row, facts.origin), state: 'dormant', words }
    }
    if ('reason' in row) return undefined
    const words = briefStageWords(row, lifecycle.endOf(row), language)
    return { id: row.id, name: nameOf(row, facts.origin), state: stateOf(row), words }
  }

  async #signIn(ctx: Context): Promise<void> {
    const form = await readForm(ctx.req)
    const { reference = '' } = form
    const typedAsKey = typedKey(form.key ?? '')
    const key = typedAsKey ?? ''
    const typed = typedIn(form)
    const { deleted, keys, lifecycle, signIns, cookie, trustedProxies } = this.#options
    const gone = lowerCaseAscii(reference.trim())
    if (deleted.wasOpenedBy(gone, key)) {
      cookie.send(ctx, signIns.open(gone))
      return seeOther(ctx, `/tunnels/${gone}`) // which says that it is gone
    }
    const visitor = visitorOf(ctx.req, trustedProxies)
    const opening = await keys.open(keys.find(reference), key, visitor)
    if (opening.kind === 'refused' && opening.unoffered !== undefined && wantsPage(ctx)) {
      cookie.send(ctx, signIns.open(opening.unoffered.id))
      return seeOther(ctx, `/tunnels/${opening.unoffered.id}`) // which says what is the matter
    }
    if (opening.kind === 'refused') return this.#refuse(ctx, { reference, typed, problems: opening.problems })
    const isGiven =
      opening.kind === 'open' && opening.isFormer && (await this.#givesNewKey(ctx, opening.tunnel, key))
    if (isGiven) return
    if (
      opening.kind === 'wrong' ||
      (opening.isFormer && !lifecycle.proofs.isFormerKey(opening.tunnel.id, key))
    ) {
      const problems = [typedAsKey === undefined ? NO_KEY : WRONG_KEY]
      refuseByPage(ctx, problems)
      ctx.set(BEARER_CHALLENGE)
      this.show(ctx, { reference, typed, problems })
      return
    }
    const { id } = opening.tunnel
    cookie.send(ctx, signIns.open(id))
    if (Object.keys(typed).length === 0) return seeOther(ctx, `/tunnels/${id}`)
    const token = signIns.keepFirstView(id, { key: '', warnings: [], typed })
    seeOther(ctx, `${pageOf(id, typed)}?first=${token}`)
  }

  /** To a person the form is shown again, with what waits in it. */
  #refuse(ctx: Context, form: SignInForm & { readonly problems: readonly Problem[] }): void {
    const { problems } = form
    if (!wantsPage(ctx)) throw new Refused(problems)
    refuseByPage(ctx, problems)
    this.show(ctx, form)
  }

  /** The key that was asked for is lost, as far as is known: the one before is void soon, and leads to another. */
  async #givesNewKey(ctx: Context, tunnel: Tunnel, key: string): Promise<boolean> {
    const shown = [createHash('sha256').update(`${tunnel.id} ${key}`).digest('base64url')]
    const renewal = await this.#options.registrar.renewKey(tunnel, 'key')
    if (renewal.kind === 'refused') return toWaitingKey(ctx, { ...this.#options, shown, tunnelId: tunnel.id })
    toNewKey(ctx, { ...this.#options, askedWith: shown, renewal })
    return true
  }

  #signOut(ctx: Context): void {
    const { cookie, events, signIns } = this.#options
    const tokens = cookie.tokensIn(ctx)
    const ids = signIns.tunnelsOf(tokens)
    signIns.signOut(tokens)
    for (const id of ids) events.endOverdue(id)
    cookie.clear(ctx)
    seeOther(ctx, '/tunnels')
  }
}

function typedIn(form: Readonly<Record<string, string>>): AwaitingFields {
  const given = AWAITING_FIELDS.filter(name => form[name] !== undefined)
  return Object.fromEntries(given.map(name => [name, form[name]]))
}

/** The page whose form has these fields. */
function pageOf(id: string, { email, webhook }: AwaitingFields): string {
  return email === undefined && webhook === undefined ? `/tunnels/${id}` : `/tunnels/${id}/email`
}
