import type Router from '@koa/router'
import type { Context } from 'koa'
import { storageProblem } from '../lifecycle/refusal.ts'
import { isEmailAddress } from '../mail/email-address.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import type { VisitorLimits } from '../registration/limits.ts'
import type { Registrar } from '../registration/registrar.ts'
import { problem } from '../shared/problem.ts'
import type { Contact } from '../store/tunnel-store.ts'
import { nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { readForm } from './body.ts'
import { BoundedSessions, type Session } from './bounded-sessions.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse, retryAfter } from './refused.ts'
import { languageOf, seeOther } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import { signedInTunnel } from './signed-in.ts'
import type { Views } from './views.ts'
import { visitorOf } from './visitor.ts'

export interface MailPagesOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'facts' | 'table' | 'lifecycle' | 'words'> {
  readonly publicUrl: string
  readonly mailer: Pick<Mailer, 'send'>
  readonly keys: KeyCheck
  readonly registrar: Registrar
  readonly limits: VisitorLimits
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly views: Views
}

/** For how long a link that was mailed works, in milliseconds. */
const LINK_LIFETIME_MS = 1_800_000

/** An owner's e-mail address, and the link that is sent there for a key that is lost. */
export class MailPages {
  readonly #options: MailPagesOptions
  readonly #links = new BoundedSessions<Session>(() => performance.now())

  constructor(options: MailPagesOptions) {
    this.#options = options
    options.lifecycle.onKeyReplaced(id => this.#links.deleteAll(id))
  }

  mount(router: Router): void {
    router.get('/tunnels/:id/email', ctx => this.#show(ctx))
    router.post('/tunnels/:id/email', ctx => this.#keep(ctx))
    router.post('/recover/mail', ctx => this.#send(ctx))
    router.get('/recover/mail/:token', ctx => this.#ask(ctx))
    router.post('/recover/mail/:token', ctx => this.#recover(ctx))
  }

  #show(ctx: Context): void {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { facts, table, views, words } = this.#options
    const language = languageOf(ctx, words)
    const name = nameOf(tunnel, facts.origin)
    const email = table.contactOf(tunnel.id)?.email ?? ''
    const title = language.sentence('mail')
    views.send(ctx, 'email', { title, id: tunnel.id, name, email })
  }

  async #keep(ctx: Context): Promise<void> {
    const tunnel = signedInTunnel(ctx, this.#options)
    const { email = '' } = await readForm(ctx.req)
    const contact = contactFrom(email.trim(), languageOf(ctx, this.#options.words))
    try {
      await this.#options.lifecycle.setContact(tunnel.id, contact)
    } catch (error) {
      throw refuse(storageProblem(error))
    }
    seeOther(ctx, `/tunnels/${tunnel.id}/email`)
  }

  /** Says the same whether there is such a tunnel or not, and an address or not: nobody learns of either. */
  async #send(ctx: Context): Promise<void> {
    const { reference = '', email = '' } = await readForm(ctx.req)
    const { keys, limits, views, words } = this.#options
    const tooMany = limits.takeMail(visitorOf(ctx.req, this.#options.trustedProxies))
    if (tooMany !== undefined) throw new Refused([tooMany], retryAfter([tooMany]))
    const tunnel = keys.find(reference.trim())
    if (tunnel !== undefined) this.#mail(tunnel, email.trim())
    const title = languageOf(ctx, words).sentence('recover')
    views.send(ctx, 'recover-mail', { title, reference: reference.trim() })
  }

  #mail(tunnel: Tunnel, email: string): void {
    const { facts, limits, mailer, publicUrl, table, words } = this.#options
    const contact = table.contactOf(tunnel.id)
    if (contact === undefined || contact.email.toLowerCase() !== email.toLowerCase()) return
    if (!limits.takeMailTo(tunnel.id)) return
    const token = this.#links.add({ tunnelId: tunnel.id, expires: performance.now() + LINK_LIFETIME_MS })
    const language = words.byTag(contact.language) ?? words.fallback
    const name = nameOf(tunnel, facts.origin)
    mailer.send({
      to: contact.email,
      subject: language.sentence('mail-recover-subject', { name }),
      text: language.sentence('mail-recover', { name, link: `${publicUrl}/recover/mail/${token}` }),
    })
  }

  /** Opening the link does nothing yet: mail programs open links by themselves. */
  #ask(ctx: Context): void {
    const { facts, views, words } = this.#options
    const token = tokenOf(ctx)
    const name = nameOf(this.#tunnelOf(token), facts.origin)
    views.send(ctx, 'recover-mail', { title: languageOf(ctx, words).sentence('recover'), token, name })
  }

  async #recover(ctx: Context): Promise<void> {
    const { cookie, registrar, signIns } = this.#options
    const tunnel = this.#tunnelOf(tokenOf(ctx))
    const renewal = await registrar.renewKey(tunnel)
    if (renewal.kind === 'refused') throw new Refused(renewal.problems)
    cookie.send(ctx, signIns.open(tunnel.id))
    const first = signIns.keepFirstView(tunnel.id, { key: renewal.key, warnings: [] })
    seeOther(ctx, `/tunnels/${tunnel.id}?first=${first}`)
  }

  #tunnelOf(token: string): Tunnel {
    const { table } = this.#options
    const id = this.#links.tunnelOf(token)
    const tunnel = id === undefined ? undefined : (table.byId(id) ?? table.dormant.byId(id))
    if (tunnel === undefined) throw refuse(problem('link-expired', {}))
    return tunnel
  }
}

function tokenOf(ctx: Context): string {
  return String((ctx.params as Readonly<Record<string, unknown>>).token)
}

function contactFrom(email: string, language: Language): Contact | undefined {
  if (email === '') return undefined
  if (!isEmailAddress(email)) throw refuse(problem('email-syntax', {}))
  return { email, language: language.tag }
}
