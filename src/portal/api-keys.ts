import { createHash } from 'node:crypto'
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Refusal } from '../lifecycle/refusal.ts'
import type { RegistrationInput } from '../registration/admission.ts'
import { OnceEach, OTHER_CONTENT } from '../registration/once-each.ts'
import { tunnelBehind } from '../registration/own-tunnel.ts'
import type { Registrar } from '../registration/registrar.ts'
import { problem } from '../shared/problem.ts'
import { nameOf } from '../tunnel/tunnel.ts'
import { registrationOf } from './api-input.ts'
import type { Bearers } from './bearers.ts'
import { readJson } from './body.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { idOf, languageOf } from './reply.ts'
import { noteKeySeen, type SeenKeyParts } from './seen-key.ts'
import type { TunnelRepresentations } from './tunnel-representation.ts'
import { visitorOf } from './visitor.ts'

const MAX_IDEMPOTENCY_KEY_LENGTH = 255

export interface ApiKeysOptions
  extends SeenKeyParts,
    Pick<PortalOptions, 'trustedProxies' | 'customers' | 'facts' | 'table' | 'words'> {
  readonly registrar: Registrar
  readonly bearers: Bearers
  readonly representations: TunnelRepresentations
}

/** What a registration or a new key is answered with. */
type KeyReply =
  | {
      readonly kind: 'registered'
      readonly id: string
      readonly key: string
      readonly location: string
      readonly body: object
    }
  | Refusal

/** What hands out a key, once: a registration, a new key, a key that was lost. A repeated request gets its reply again. */
export class ApiKeys {
  readonly #options: ApiKeysOptions
  /** Replies by Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), as long as their key opens the tunnel. */
  readonly #replies = new OnceEach<KeyReply>(reply => this.#isStillTrue(reply))

  constructor(options: ApiKeysOptions) {
    this.#options = options
  }

  /** The replies that a repeated request gets again. */
  get replies(): OnceEach<KeyReply> {
    return this.#replies
  }

  mount(router: Router): void {
    router.post('/api/v1/tunnels', ctx => this.#register(ctx))
    router.post('/api/v1/tunnels/:id/key', ctx => this.#renewKey(ctx))
    router.post('/api/v1/recover', ctx => this.#recover(ctx))
  }

  async #register(ctx: Context): Promise<void> {
    const name = idempotencyKeyOf(ctx)
    const input = registrationOf(await readJson(ctx.req), languageOf(ctx, this.#options.words).tag)
    const register = () => this.#registerOnce(ctx, input)
    const owner = this.#options.customers.keyOf(this.#visitor(ctx))
    // The same body in another language is the same registration.
    const content = JSON.stringify(input, (key, value) => (key === 'language' ? undefined : value))
    const reply = name === '' ? await register() : await this.#replies.do({ owner, name, content }, register)
    if (reply === OTHER_CONTENT) throw refuse(problem('idempotency-key-reused', {}))
    if (reply.kind === 'refused') throw new Refused(reply.problems)
    ctx.status = 201
    ctx.set('location', reply.location)
    ctx.body = reply.body
    this.#noteSent(ctx, reply)
  }

  async #registerOnce(ctx: Context, input: RegistrationInput): Promise<KeyReply> {
    const outcome = await this.#options.registrar.register(input, this.#visitor(ctx))
    if (outcome.kind === 'refused') return outcome
    const { tunnel, key, warnings } = outcome
    const body = {
      ...this.#options.representations.of(tunnel, {
        warnings,
        language: languageOf(ctx, this.#options.words),
        isNew: true,
      }),
      key,
    }
    return {
      kind: 'registered',
      id: tunnel.id,
      key,
      location: this.#options.representations.linksOf(tunnel).self,
      body,
    }
  }

  /** Not once the tunnel is deleted or has a new key. A table that can't be read now loses nobody the key. */
  #isStillTrue(reply: KeyReply): boolean {
    if (reply.kind === 'refused') return false
    try {
      return this.#options.table.keyMatches(reply.id, reply.key)
    } catch {
      return true
    }
  }

  async #renewKey(ctx: Context): Promise<void> {
    const name = idempotencyKeyOf(ctx)
    const renew = () => this.#renewKeyOnce(ctx)
    // Only who shows what opened the tunnel then is the one who asked: after it nothing else tells.
    const shown = createHash('sha256').update(ctx.get('authorization')).digest('base64')
    const owner = `key of ${idOf(ctx)}`
    const request = { owner, name: `${name} ${shown}` }
    const reply = name === '' ? await renew() : await this.#replies.do(request, renew)
    if (reply === OTHER_CONTENT) throw new RangeError('renewals are told apart by their names alone')
    if (reply.kind === 'refused') throw new Refused(reply.problems)
    ctx.body = reply.body
    this.#noteSent(ctx, reply)
  }

  /** A key in a reply that has left is seen: what was shown for it is void then. */
  #noteSent(ctx: Context, { id, key }: { readonly id: string; readonly key: string }): void {
    ctx.res.once('finish', () => noteKeySeen(this.#options, { id, key }))
  }

  async #renewKeyOnce(ctx: Context): Promise<KeyReply> {
    const renewal = await this.#options.registrar.renewKey(
      await this.#options.bearers.awokenStill(ctx),
      'key',
    )
    if (renewal.kind === 'refused') return renewal
    const { tunnel, key } = renewal
    return {
      kind: 'registered',
      id: tunnel.id,
      key,
      location: this.#options.representations.linksOf(tunnel).self,
      body: { key },
    }
  }

  /** A new key for whoever comes from the tunnel's own IPv6 address: the id and the name are told with it. */
  async #recover(ctx: Context): Promise<void> {
    const behind = tunnelBehind(this.#options.table, this.#visitor(ctx))
    if (behind.kind === 'none') throw refuse(behind.problem)
    const renewal = await this.#options.registrar.renewKey(behind.tunnel)
    if (renewal.kind === 'refused') throw new Refused(renewal.problems)
    const { tunnel, key } = renewal
    ctx.body = { id: tunnel.id, name: nameOf(tunnel, this.#options.facts.origin), key }
    this.#noteSent(ctx, { id: tunnel.id, key })
  }

  #visitor(ctx: Context) {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

/** The request's Idempotency-Key, a string of RFC 8941 3.3.3 or the bare characters; empty if there is none. */
function idempotencyKeyOf(ctx: Context): string {
  const header = ctx.get('idempotency-key')
  const name = /^"([ -!#-~]+)"$/.exec(header)?.[1] ?? header
  if (name.length <= MAX_IDEMPOTENCY_KEY_LENGTH && /^[ -~]*$/.test(name) && !name.includes('"')) return name
  throw refuse(problem('idempotency-key-syntax', { longest: MAX_IDEMPOTENCY_KEY_LENGTH }))
}
