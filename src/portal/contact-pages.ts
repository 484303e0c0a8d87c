import type Router from '@koa/router'
import type { Context } from 'koa'
import { rowById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL, storageProblem } from '../lifecycle/refusal.ts'
import { type Correspondence, troubleOf } from '../mail/correspondence.ts'
import type { Registrar } from '../registration/registrar.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { type ContactWish, type Way, type WayName, wayOf } from '../tunnel/contact.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { readForm } from './body.ts'
import { describe } from './describe.ts'
import type { PortalOptions } from './options.ts'
import { queryValue } from './query.ts'
import { refuseByPage } from './refusal-note.ts'
import { Refused, refuse } from './refused.ts'
import { idOf, languageOf, seeOther, wantsPage } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { SignInPages } from './sign-in-pages.ts'
import { isSignedIn, keepUnlessSent, signedInTunnel } from './signed-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import { questionValues, unaskedIn } from './unasked.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface ContactPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle' | 'words'> {
  readonly correspondence: Correspondence
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly events: TunnelEvents
  readonly views: Views
  readonly signInPages: Pick<SignInPages, 'askFirst'>
}

type Typed = Pick<ContactWish, WayName>

/** A tunnel and one of the ways to its owner, as a letter's link names them. */
interface Asked {
  readonly tunnel: Tunnel
  readonly way: Way
}

/** Where an owner is told what becomes of a tunnel, and the yes or no of whoever reads there. */
export class ContactPages {
  readonly #options: ContactPagesOptions

  constructor(options: ContactPagesOptions) {
    this.#options = options
  }

  mount(router: Router): void {
    router.get('/tunnels/:id/email', ctx => this.#show(ctx))
    router.post('/tunnels/:id/email', ctx => this.#keep(ctx))
    router.get('/notices/:id/:token', ctx => this.#ask(ctx))
    router.post('/notices/:id/:token', ctx => this.#answer(ctx))
  }

  #show(ctx: Context): void {
    const { signIns } = this.#options
    const tunnel = signedInTunnel(ctx, this.#options)
    const token = ctx.method === 'GET' ? (queryValue(ctx, 'first') ?? '') : ''
    const first = signIns.takeFirstView(tunnel.id, token)
    if (first !== undefined) keepUnlessSent(ctx, { ...this.#options, token })
    this.#page(ctx, tunnel, { problems: [], typed: first?.typed ?? {}, unasked: first?.warnings ?? [] })
  }

  async #keep(ctx: Context): Promise<void> {
    const typed = typedIn(await readForm(ctx.req))
    if (!isSignedIn(ctx, this.#options) && wantsPage(ctx)) {
      this.#options.signInPages.askFirst(ctx, typed)
      return
    }
    const tunnel = signedInTunnel(ctx, this.#options)
    const wish = { ...typed, language: languageOf(ctx, this.#options.words).tag }
    const outcome = await this.#options.registrar.keepContact(tunnel, wish, { visitor: this.#visitor(ctx) })
    if (outcome.kind === 'kept') {
      seeOther(ctx, this.#pageAfter(tunnel.id, outcome.warnings))
      return
    }
    refuseByPage(ctx, outcome.problems)
    this.#page(ctx, tunnel, { problems: outcome.problems, typed: wish })
  }

  #pageAfter(id: string, warnings: readonly Problem[]): string {
    const path = `/tunnels/${id}/email`
    if (warnings.length === 0) return path
    return `${path}?first=${this.#options.signIns.keepFirstView(id, { key: '', warnings })}`
  }

  #page(
    ctx: Context,
    tunnel: Tunnel,
    given: {
      readonly problems: readonly Problem[]
      readonly typed: Typed
      readonly unasked?: readonly Problem[]
    },
  ): void {
    const { correspondence, facts, views, words } = this.#options
    const { wishes } = correspondence
    const language = languageOf(ctx, words)
    const contact = wishes.of(tunnel.id)
    const [email, webhook] = [wayOf(contact, 'email'), wayOf(contact, 'webhook')]
    const { waitOf } = unaskedIn(given.unasked ?? [], language)
    const title = language.sentence('mail')
    views.send(ctx, 'email', {
      title: given.problems.length > 0 ? language.sentence('correct', { title }) : title,
      heading: title,
      id: tunnel.id,
      name: nameOf(tunnel, facts.origin),
      ways: [email, webhook]
        .filter(way => way !== undefined)
        .map(way => {
          const trouble = troubleOf(correspondence, way)
          return {
            ...way,
            isReached: trouble !== 'unreached',
            isRefused: trouble === 'refused',
            ...questionValues(wishes.questionTo(tunnel.id, way)),
            wait: waitOf(way.kind),
          }
        }),
      problems: describe(given.problems, language),
      offersMail: wishes.offers('email'),
      offersWebhook: wishes.offers('webhook'),
      hosts: wishes.webhookHosts.join(', '),
      email: given.typed.email ?? email?.target ?? '',
      webhook: given.typed.webhook ?? webhook?.target ?? '',
    })
  }

  /** Opening the link does nothing yet: mail programs open links by themselves. */
  #ask(ctx: Context): void {
    this.#askedPage(ctx, this.#asked(ctx), '')
  }

  async #answer(ctx: Context): Promise<void> {
    const { wanted = '' } = await readForm(ctx.req)
    const asked = this.#asked(ctx) // the target may have become another meanwhile
    const { tunnel, way } = asked
    if (wanted === 'yes') {
      if (!(await this.#confirm(tunnel, way))) throw refuse(problem('link-expired', {}))
      this.#askedPage(ctx, asked, 'confirmed')
      return
    }
    if (wanted !== 'no') {
      this.#askedPage(ctx, asked, '')
      return
    }
    const { wishes } = this.#options.correspondence
    const language = wishes.of(tunnel.id)?.language ?? languageOf(ctx, this.#options.words).tag
    const wish = { [way.kind]: '', language }
    const outcome = await this.#options.registrar.keepContact(tunnel, wish, {
      visitor: this.#visitor(ctx),
      isReaders: true,
    })
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    this.#askedPage(ctx, asked, 'forgotten')
  }

  async #confirm({ id }: Tunnel, way: Way): Promise<boolean> {
    try {
      return await this.#options.lifecycle.confirmContact(id, way)
    } catch (error) {
      throw refuse(storageProblem(error))
    }
  }

  #askedPage(ctx: Context, { tunnel, way }: Asked, answer: '' | 'confirmed' | 'forgotten'): void {
    const { facts, views, words } = this.#options
    views.send(ctx, 'notices', {
      title: languageOf(ctx, words).sentence('mail'),
      name: nameOf(tunnel, facts.origin),
      target: way.target,
      isConfirmed: way.isConfirmed,
      hasConfirmed: answer === 'confirmed',
      hasForgotten: answer === 'forgotten',
      path: ctx.path,
    })
  }

  /** Throws Refused for a link whose target the tunnel has no more. */
  #asked(ctx: Context): Asked {
    const { correspondence, table } = this.#options
    const id = idOf(ctx)
    const token = String((ctx.params as Readonly<Record<string, unknown>>).token)
    const tunnel = rowById(table, id)
    const ways = correspondence.wishes.of(id)?.ways ?? []
    const way = ways.find(one => correspondence.confirmations.isTokenOf(token, id, one))
    if (tunnel === undefined || way === undefined) throw refuse(problem('link-expired', {}))
    if ('reason' in tunnel) throw refuse(REFUSAL.broken(tunnel))
    return { tunnel, way }
  }

  #visitor(ctx: Context) {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** A field that was not sent is no wish. */
function typedIn({ email, webhook }: Readonly<Record<string, string>>): Typed {
  return { ...(email === undefined ? {} : { email }), ...(webhook === undefined ? {} : { webhook }) }
}
