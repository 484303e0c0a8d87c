import type Router from '@koa/router'
import type { Context } from 'koa'
import { tunnelById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL, type Refusal } from '../lifecycle/refusal.ts'
import type { Correspondence } from '../mail/correspondence.ts'
import type { Diagnoses } from '../observation/diagnosis.ts'
import { together } from '../registration/misread.ts'
import type { Moved, OwnerChanges } from '../registration/owner-changes.ts'
import type { Registrar } from '../registration/registrar.ts'
import { unkept } from '../registration/unkept.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { ContactWish } from '../tunnel/contact.ts'
import type { Tunnel, UnofferedRow } from '../tunnel/tunnel.ts'
import { findingText } from '../words/finding-words.ts'
import type { Bearers } from './bearers.ts'
import { readJson } from './body.ts'
import { type AskedChange, changeIn } from './change-input.ts'
import type { PortalOptions } from './options.ts'
import { queryValue } from './query.ts'
import { Refused, refuse } from './refused.ts'
import { idOf, languageOf } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'
import type { TunnelRepresentations } from './tunnel-representation.ts'
import { isAction, scriptFileName, type TunnelScripts } from './tunnel-scripts.ts'
import { visitorOf } from './visitor.ts'

const LISTEN_AGAIN_SECONDS = 60

export interface ApiOptions
  extends Pick<PortalOptions, 'trustedProxies' | 'table' | 'lifecycle' | 'words' | 'systems'> {
  readonly correspondence: Correspondence
  readonly registrar: Registrar
  readonly changes: OwnerChanges
  readonly signIns: SignIns
  readonly cookie: SessionCookie
  readonly events: TunnelEvents
  readonly scripts: TunnelScripts
  readonly bearers: Bearers
  readonly representations: TunnelRepresentations
  readonly diagnoses: Diagnoses
}

/** `/api/v1` for a tunnel that is there: JSON in, JSON out, its key as bearer token. Keys are handed out by ApiKeys. */
export class Api {
  readonly #options: ApiOptions
  readonly #representations: TunnelRepresentations
  readonly #bearers: Bearers

  constructor(options: ApiOptions) {
    this.#options = options
    this.#representations = options.representations
    this.#bearers = options.bearers
  }

  mount(router: Router): void {
    router.get('/api/v1/tunnels/:id', ctx => this.#show(ctx))
    router.patch('/api/v1/tunnels/:id', ctx => this.#change(ctx))
    router.delete('/api/v1/tunnels/:id', ctx => this.#delete(ctx))
    router.get('/api/v1/tunnels/:id/events', ctx => this.#listen(ctx))
    router.get('/api/v1/tunnels/:id/diagnosis', ctx => this.#diagnose(ctx))
    router.get('/api/v1/tunnels/:id/script', ctx => this.#script(ctx))
    router.get('/api/v1/tunnels/:id/router', ctx => this.#routerNotes(ctx))
  }

  async #show(ctx: Context): Promise<void> {
    const { tunnel, warnings } = await this.#options.changes.visit(await this.#bearers.authorized(ctx))
    ctx.body = this.#representation(ctx, tunnel, warnings)
  }

  async #change(ctx: Context): Promise<void> {
    await this.#bearers.authorized(ctx) // before the body: who has no key is told that
    const body = await readJson(ctx.req)
    const tunnel = await this.#bearers.authorized(ctx) // the key may have become void meanwhile
    const field = tunnel.kind.publicKey === undefined ? 'ipv4' : 'public_key'
    const change = changeIn(body, { field, language: this.#language(ctx) })
    const outcome = await this.#changed(tunnel, change, this.#visitor(ctx))
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    ctx.body = this.#representation(ctx, outcome.tunnel, outcome.warnings)
  }

  async #changed(tunnel: Tunnel, change: AskedChange, visitor: VisitorAddress): Promise<Moved | Refusal> {
    const problems = this.#wrongWith(tunnel, change, visitor)
    if (problems.length > 0) return { kind: 'refused', problems }
    const { changes } = this.#options
    const { routed, mtu, contact, endpoint = '' } = change
    if (routed !== undefined) return changes.changeRouted(tunnel, routed)
    if (mtu !== undefined) return changes.changeMtu(tunnel, mtu === null ? undefined : mtu)
    return contact === undefined
      ? this.#moved(tunnel, endpoint, visitor)
      : this.#changedWith(contact, tunnel, { endpoint: change.endpoint, visitor })
  }

  /** What can be read and is asked for alone is checked where it is done: nothing is checked twice. */
  #wrongWith(tunnel: Tunnel, change: AskedChange, visitor: VisitorAddress): readonly Problem[] {
    const { misread, contact } = change
    if (misread.length === 0 && contact === undefined) return []
    const { changes, correspondence } = this.#options
    const ofContact = contact === undefined ? [] : correspondence.wishes.read(contact, tunnel.id).problems
    return together(misread, [...changes.problemsOf(tunnel, change, visitor), ...ofContact])
  }

  /**
   * Where the owner is told, and perhaps the endpoint too. A move that was done is told, unless the key was replaced
   * meanwhile: who has the former one sees nothing any more.
   */
  async #changedWith(
    wish: ContactWish,
    tunnel: Tunnel,
    { endpoint, visitor }: { readonly endpoint: string | undefined; readonly visitor: VisitorAddress },
  ): Promise<Moved | Refusal> {
    const hasSameKey = this.#options.lifecycle.proofs.sameKey(tunnel.id)
    const outcome: Moved | Refusal =
      endpoint === undefined
        ? { kind: 'moved', tunnel, warnings: [] }
        : await this.#moved(tunnel, endpoint, visitor)
    if (outcome.kind === 'refused') return outcome
    if (!hasSameKey()) return { kind: 'refused', problems: [problem('unauthorized', { case: 'wrong-key' })] }
    const kept = await this.#options.registrar.keepContact(tunnel, wish, { visitor })
    if (kept.kind === 'kept') return { ...outcome, warnings: [...outcome.warnings, ...kept.warnings] }
    return endpoint === undefined
      ? kept
      : { ...outcome, warnings: [...outcome.warnings, ...unkept(kept.problems)] }
  }

  #moved(tunnel: Tunnel, endpoint: string, visitor: VisitorAddress): Promise<Moved | Refusal> {
    const { changes } = this.#options
    return tunnel.kind.publicKey === undefined
      ? changes.changeEndpoint(tunnel, endpoint, visitor)
      : changes.changeKey(tunnel, endpoint, visitor)
  }

  async #delete(ctx: Context): Promise<void> {
    if (!this.#bearers.wasDeleted(ctx)) await this.#deleteOnce(await this.#bearers.deletable(ctx))
    ctx.status = 204
  }

  async #deleteOnce(tunnel: Tunnel | UnofferedRow): Promise<void> {
    const outcome = await this.#options.registrar.delete(tunnel)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
  }

  /** Why the tunnel does not work; it is left as it is, dormant or not. */
  async #diagnose(ctx: Context): Promise<void> {
    const { diagnoses, words } = this.#options
    const tunnel = await this.#bearers.authorized(ctx)
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
    const os = queryValue(ctx, 'os') ?? tunnel.os
    const action = queryValue(ctx, 'action') ?? 'up'
    const known = this.#options.systems.idsOf(tunnel.kind.name)
    if (!isAction(action)) throw refuse(problem('action-unknown', {}))
    const system = this.#options.systems.find(os)
    const language = this.#language(ctx)
    const script = this.#options.scripts.script(tunnel, { os, action, language })
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
    if (ctx.get('authorization') !== '') return this.#bearers.awoken(ctx)
    const found = this.#bearers.found(idOf(ctx))
    if (found === undefined) throw refuse(problem('not-found', { case: 'tunnel' }))
    if ('reason' in found) throw refuse(REFUSAL.broken(found))
    return found
  }

  /** For programs with the key, and for a browser that is signed in. */
  async #listen(ctx: Context): Promise<void> {
    const { cookie, events, signIns, table, words } = this.#options
    const id = idOf(ctx)
    const tokens = cookie.tokensIn(ctx)
    const signedIn = signIns.isOpen(id, tokens) ? tunnelById(table, id) : undefined
    const tunnel = signedIn ?? (await this.#bearers.authorized(ctx))
    const isEnded = signedIn === undefined ? this.#bearers.isVoidKey(ctx) : signIns.areEnded(id, tokens)
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
