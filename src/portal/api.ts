import { createHash } from 'node:crypto'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { rowById, tunnelById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL, type Refusal } from '../lifecycle/refusal.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { Diagnoses } from '../observation/diagnosis.ts'
import type { RegistrationInput } from '../registration/admission.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import { OnceEach, OTHER_CONTENT } from '../registration/once-each.ts'
import { tunnelBehind } from '../registration/own-tunnel.ts'
import type { Moved, Registrar } from '../registration/registrar.ts'
import { unkept } from '../registration/unkept.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { type ContactWish, WAYS } from '../tunnel/contact.ts'
import { type BrokenRow, nameOf, type Tunnel } from '../tunnel/tunnel.ts'
import { findingText } from '../words/finding-words.ts'
import { contactIn, registrationOf, textFields } from './api-input.ts'
import { readJson } from './body.ts'
import { mtuWishIn, routedWishIn } from './change-input.ts'
import type { DeletedTunnels } from './deleted-tunnels.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { BEARER_CHALLENGE, idOf, languageOf } from './reply.ts'
import { noteKeySeen } from './seen-key.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import { TunnelRepresentations } from './tunnel-representation.ts'
import { isAction, scriptFileName, type TunnelScripts } from './tunnel-scripts.ts'
import { visitorOf } from './visitor.ts'

const MAX_IDEMPOTENCY_KEY_LENGTH = 255
const LISTEN_AGAIN_SECONDS = 60

export interface ApiOptions
  extends Pick<
    PortalOptions,
    'trustedProxies' | 'customers' | 'facts' | 'table' | 'lifecycle' | 'traffic' | 'words' | 'systems'
  > {
  readonly publicUrl: string
  readonly correspondence: Correspondence
  readonly registrar: Registrar
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly events: TunnelEvents
  readonly scripts: TunnelScripts
  readonly keys: KeyCheck
  readonly deleted: DeletedTunnels
  readonly diagnoses: Diagnoses
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

/** What a change can be of, beyond the endpoint or the key: each is read by itself. */
const BESIDE = [...WAYS, 'routed_prefix', 'mtu'] as const

/** `/api/v1`: JSON in, JSON out, a tunnel's key as bearer token (RFC 6750 2.1). */
export class Api {
  readonly #options: ApiOptions
  readonly #representations: TunnelRepresentations
  /** Replies by Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), as long as their key opens the tunnel. */
  readonly #replies = new OnceEach<KeyReply>(reply => this.#isStillTrue(reply))

  constructor(options: ApiOptions) {
    this.#options = options
    this.#representations = new TunnelRepresentations(options)
  }

  /** The replies that a repeated request gets again. */
  get replies(): OnceEach<KeyReply> {
    return this.#replies
  }

  mount(router: Router): void {
    router.post('/api/v1/tunnels', ctx => this.#register(ctx))
    router.get('/api/v1/tunnels/:id', ctx => this.#show(ctx))
    router.patch('/api/v1/tunnels/:id', ctx => this.#change(ctx))
    router.delete('/api/v1/tunnels/:id', ctx => this.#delete(ctx))
    router.post('/api/v1/tunnels/:id/key', ctx => this.#renewKey(ctx))
    router.get('/api/v1/tunnels/:id/events', ctx => this.#listen(ctx))
    router.get('/api/v1/tunnels/:id/diagnosis', ctx => this.#diagnose(ctx))
    router.post('/api/v1/recover', ctx => this.#recover(ctx))
    router.get('/api/v1/tunnels/:id/script', ctx => this.#script(ctx))
    router.get('/api/v1/tunnels/:id/router', ctx => this.#routerNotes(ctx))
  }

  async #register(ctx: Context): Promise<void> {
    const name = idempotencyKeyOf(ctx)
    const input = registrationOf(await readJson(ctx.req), this.#language(ctx))
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
    const body = { ...this.#representation(ctx, tunnel, warnings), key }
    return {
      kind: 'registered',
      id: tunnel.id,
      key,
      location: this.#representations.linksOf(tunnel).self,
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

  async #show(ctx: Context): Promise<void> {
    const { tunnel, warnings } = await this.#options.registrar.visit(await this.#authorized(ctx))
    ctx.body = this.#representation(ctx, tunnel, warnings)
  }

  async #change(ctx: Context): Promise<void> {
    await this.#authorized(ctx) // before the body: who has no key is told that
    const body = await readJson(ctx.req)
    const tunnel = await this.#authorized(ctx) // the key may have become void meanwhile
    const visitor = this.#visitor(ctx)
    const wish = contactIn(body, this.#language(ctx))
    const outcome =
      wish === undefined
        ? await this.#changed(tunnel, body, visitor)
        : await this.#changedWith(wish, tunnel, { body, visitor })
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    ctx.body = this.#representation(ctx, outcome.tunnel, outcome.warnings)
  }

  /**
   * Where the owner is told, and perhaps the endpoint too: neither is changed if one of them is wrong. A move that was done
   * is told, unless the key was replaced meanwhile: who has the former one sees nothing any more.
   */
  async #changedWith(
    wish: ContactWish,
    tunnel: Tunnel,
    { body, visitor }: { readonly body: Readonly<Record<string, unknown>>; readonly visitor: VisitorAddress },
  ): Promise<Moved | Refusal> {
    routedWishIn(body) // is not taken together with anything else, and the MTU neither
    mtuWishIn(body)
    const field = tunnel.kind.publicKey === undefined ? 'ipv4' : 'public_key'
    const fields = textFields(body, [field, ...WAYS])
    const { registrar, correspondence } = this.#options
    const { problems } = correspondence.wishes.read(wish, tunnel.id)
    if (problems.length > 0) return { kind: 'refused', problems }
    const isMove = body[field] !== undefined
    const hasSameKey = this.#options.lifecycle.proofs.sameKey(tunnel.id)
    const outcome: Moved | Refusal = isMove
      ? await this.#changed(tunnel, { [field]: fields[field] }, visitor)
      : { kind: 'moved', tunnel, warnings: [] }
    if (outcome.kind === 'refused') return outcome
    if (!hasSameKey()) return { kind: 'refused', problems: [problem('unauthorized', { case: 'wrong-key' })] }
    const kept = await registrar.keepContact(tunnel, wish, visitor)
    if (kept.kind !== 'refused') return outcome
    return isMove ? { ...outcome, warnings: [...outcome.warnings, ...unkept(kept.problems)] } : kept
  }

  #changed(
    tunnel: Tunnel,
    body: Readonly<Record<string, unknown>>,
    visitor: VisitorAddress,
  ): Promise<Moved | Refusal> {
    const { registrar } = this.#options
    const isRoutedWanted = routedWishIn(body)
    if (isRoutedWanted !== undefined) return registrar.changeRouted(tunnel, isRoutedWanted)
    const mtu = mtuWishIn(body)
    if (mtu !== undefined) return registrar.changeMtu(tunnel, mtu === null ? undefined : mtu)
    return tunnel.kind.publicKey === undefined
      ? registrar.changeEndpoint(tunnel, textFields(body, ['ipv4'], BESIDE).ipv4, visitor)
      : registrar.changeKey(tunnel, textFields(body, ['public_key'], BESIDE).public_key, visitor)
  }

  async #delete(ctx: Context): Promise<void> {
    if (!this.#wasDeleted(ctx)) await this.#deleteOnce(await this.#authorized(ctx))
    ctx.status = 204
  }

  /** By who shows its key now: the first reply was lost, perhaps. */
  #wasDeleted(ctx: Context): boolean {
    return this.#options.deleted.wasOpenedBy(idOf(ctx), bearerIn(ctx) ?? '')
  }

  async #deleteOnce(tunnel: Tunnel): Promise<void> {
    const { deleted, registrar } = this.#options
    const noteDeleted = deleted.begin(tunnel)
    const outcome = await registrar.delete(tunnel)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    noteDeleted()
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
    const renewal = await this.#options.registrar.renewKey(await this.#awokenStill(ctx), 'key')
    if (renewal.kind === 'refused') return renewal
    const { tunnel, key } = renewal
    return {
      kind: 'registered',
      id: tunnel.id,
      key,
      location: this.#representations.linksOf(tunnel).self,
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

  /** Why the tunnel does not work; it is left as it is, dormant or not. */
  async #diagnose(ctx: Context): Promise<void> {
    const { diagnoses, words } = this.#options
    const tunnel = await this.#authorized(ctx)
    const { finding, fault, ...seen } = await diagnoses.of(tunnel, this.#visitor(ctx))
    const isWireguard = tunnel.kind.publicKey !== undefined
    ctx.body = {
      finding,
      detail: findingText(finding, { isWireguard, language: languageOf(ctx, words) }),
      ...(fault === '' ? {} : { fault }),
      seen: {
        tunnel: seen.tunnel ?? 'not-asked',
        large: seen.large ?? 'not-asked',
        endpoint: seen.endpoint ?? 'not-asked',
      },
      ...(seen.roundTripMs === undefined ? {} : { rtt_ms: seen.roundTripMs }),
    }
  }

  /** A script holds no secret, and its id can't be guessed: no key is asked for, but a wrong one is refused. */
  async #script(ctx: Context): Promise<void> {
    const tunnel = await this.#scripted(ctx)
    const { os = tunnel.os, action = 'up' } = ctx.query
    const known = this.#options.systems.idsOf(tunnel.kind.name)
    if (typeof action !== 'string' || !isAction(action)) throw refuse(problem('action-unknown', {}))
    const system = this.#options.systems.find(String(os))
    const language = this.#language(ctx)
    const script = this.#options.scripts.script(tunnel, { os: String(os), action, language })
    if (system === undefined || script === undefined)
      throw refuse(problem('os-unknown', { case: 'unknown', known: known.join(', ') }))
    ctx.type = 'text/plain'
    ctx.set('content-disposition', `attachment; filename="${scriptFileName(action, system.ending)}"`)
    ctx.body = script
  }

  /** What to do with the routed prefix on a router; no secret either. */
  async #routerNotes(ctx: Context): Promise<void> {
    const notes = this.#options.scripts.routedNotes(await this.#scripted(ctx), this.#language(ctx))
    if (notes.length === 0) throw refuse(problem('not-found', { case: 'routed-prefix' }))
    ctx.type = 'text/plain'
    ctx.body = `${notes.join('\n\n')}\n`
  }

  async #scripted(ctx: Context): Promise<Tunnel> {
    if (ctx.get('authorization') !== '') return this.#awoken(ctx)
    const found = this.#found(idOf(ctx))
    if (found === undefined) throw refuse(problem('not-found', { case: 'tunnel' }))
    if ('reason' in found) throw refuse(REFUSAL.broken(found))
    return found
  }

  /** The tunnel that the bearer key opens, brought back if it is dormant and can come back. */
  async #awoken(ctx: Context): Promise<Tunnel> {
    return this.#options.registrar.wake(await this.#authorized(ctx))
  }

  /** The same, by a key that still opens it: to come back takes a while. */
  async #awokenStill(ctx: Context): Promise<Tunnel> {
    await this.#awoken(ctx)
    return this.#authorized(ctx)
  }

  #found(id: string): Tunnel | BrokenRow | undefined {
    const { table } = this.#options
    return rowById(table, id)
  }

  /** For programs with the key, and for a browser that is signed in. */
  async #listen(ctx: Context): Promise<void> {
    const { cookie, events, signIns, table, words } = this.#options
    const id = idOf(ctx)
    const tokens = cookie.tokensIn(ctx)
    const signedIn = signIns.isOpen(id, tokens) ? tunnelById(table, id) : undefined
    const tunnel = signedIn ?? (await this.#authorized(ctx))
    const isEnded = signedIn === undefined ? this.#isVoidKey(ctx) : signIns.areEnded(id, tokens)
    ctx.type = 'text/event-stream'
    ctx.set('x-accel-buffering', 'no') // a proxy that collects would hold events back
    ctx.body = ''
    if (ctx.method === 'HEAD') return
    const stream = events.listen(tunnel, {
      visitor: this.#visitor(ctx),
      language: languageOf(ctx, words),
      isEnded,
    })
    if (stream === undefined)
      throw refuse(problem('too-many-requests', { case: 'listeners', seconds: LISTEN_AGAIN_SECONDS }))
    ctx.body = stream
    ctx.type = 'text/event-stream'
  }

  /** Tells later whether the bearer key, which opens the tunnel, does so no more. */
  #isVoidKey(ctx: Context): () => boolean {
    const { table, lifecycle } = this.#options
    const [id, key = ''] = [idOf(ctx), bearerIn(ctx)]
    const hasSameKey = table.keyMatches(id, key) ? lifecycle.proofs.sameKey(id) : undefined
    return () => !(hasSameKey?.() ?? lifecycle.proofs.isFormerKey(id, key))
  }

  /** The tunnel that the bearer key opens, dormant or not; an unknown id looks like a wrong key, but for one just deleted. */
  async #authorized(ctx: Context): Promise<Tunnel> {
    const key = bearerIn(ctx)
    const { keys } = this.#options
    const missing = refuse(problem('unauthorized', { case: 'bearer' }), BEARER_CHALLENGE)
    if (key === undefined) throw missing
    if (this.#wasDeleted(ctx)) throw refuse(problem('not-found', { case: 'taken-down' }))
    const opening = await keys.open(this.#found(idOf(ctx)), key, this.#visitor(ctx))
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') throw missing
    return opening.tunnel
  }

  #representation(ctx: Context, tunnel: Tunnel, warnings: readonly Problem[]): object {
    const language = languageOf(ctx, this.#options.words)
    return this.#representations.of(tunnel, { warnings, language })
  }

  #language(ctx: Context): string {
    return languageOf(ctx, this.#options.words).tag
  }

  #visitor(ctx: Context) {
    return visitorOf(ctx.req, this.#options.trustedProxies)
  }
}

function bearerIn(ctx: Context): string | undefined {
  return /^Bearer +([!-~]{1,200}) *$/i.exec(ctx.get('authorization'))?.[1]
}

/** The request's Idempotency-Key, a string of RFC 8941 3.3.3 or the bare characters; empty if there is none. */
function idempotencyKeyOf(ctx: Context): string {
  const header = ctx.get('idempotency-key')
  const name = /^"([ -!#-~]+)"$/.exec(header)?.[1] ?? header
  if (name.length <= MAX_IDEMPOTENCY_KEY_LENGTH && /^[ -~]*$/.test(name) && !name.includes('"')) return name
  throw refuse(problem('idempotency-key-syntax', { longest: MAX_IDEMPOTENCY_KEY_LENGTH }))
}
