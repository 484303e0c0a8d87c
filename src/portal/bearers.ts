import type { Context } from 'koa'
import { rowById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import type { OwnerChanges } from '../registration/owner-changes.ts'
import { problem } from '../shared/problem.ts'
import type { BrokenRow, Tunnel, UnofferedRow } from '../tunnel/tunnel.ts'
import type { DeletedTunnels } from './deleted-tunnels.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { BEARER_CHALLENGE, idOf } from './reply.ts'
import { visitorOf } from './visitor.ts'

export interface BearerOptions extends Pick<PortalOptions, 'trustedProxies' | 'table' | 'lifecycle'> {
  readonly changes: OwnerChanges
  readonly keys: KeyCheck
  readonly deleted: DeletedTunnels
}

/** Opens a tunnel for a request by its key, which is its bearer token (RFC 6750 2.1). Refusals are thrown. */
export class Bearers {
  readonly #options: BearerOptions

  constructor(options: BearerOptions) {
    this.#options = options
  }

  /** The tunnel that the bearer key opens, dormant or not; an unknown id looks like a wrong key, but for one just deleted. */
  async authorized(ctx: Context): Promise<Tunnel> {
    const opened = await this.deletable(ctx)
    if ('reason' in opened) throw refuse(REFUSAL.broken(opened))
    return opened
  }

  /** The same, or the row of a kind that is not offered: to be deleted, and for nothing else. */
  async deletable(ctx: Context): Promise<Tunnel | UnofferedRow> {
    const key = bearerIn(ctx)
    const { keys } = this.#options
    const missing = refuse(problem('unauthorized', { case: 'bearer' }), BEARER_CHALLENGE)
    if (key === undefined) throw missing
    if (this.wasDeleted(ctx)) throw refuse(problem('not-found', { case: 'taken-down' }))
    const opening = await keys.open(
      this.found(idOf(ctx)),
      key,
      visitorOf(ctx.req, this.#options.trustedProxies),
    )
    if (opening.kind === 'refused' && opening.unoffered !== undefined) return opening.unoffered
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') throw missing
    return opening.tunnel
  }

  /** The tunnel that the bearer key opens, brought back if it is dormant and can come back. */
  async awoken(ctx: Context): Promise<Tunnel> {
    return this.#options.changes.wake(await this.authorized(ctx))
  }

  /** The same, by a key that still opens it: to come back takes a while. */
  async awokenStill(ctx: Context): Promise<Tunnel> {
    await this.awoken(ctx)
    return this.authorized(ctx)
  }

  /** By who shows its key now: the first reply was lost, perhaps. */
  wasDeleted(ctx: Context): boolean {
    return this.#options.deleted.wasOpenedBy(idOf(ctx), bearerIn(ctx) ?? '')
  }

  /** Tells later whether the bearer key, which opens the tunnel, does so no more. */
  isVoidKey(ctx: Context): () => boolean {
    const { table, lifecycle } = this.#options
    const [id, key = ''] = [idOf(ctx), bearerIn(ctx)]
    const hasSameKey = table.keyMatches(id, key) ? lifecycle.proofs.sameKey(id) : undefined
    return () => !(hasSameKey?.() ?? lifecycle.proofs.isFormerKey(id, key))
  }

  /** What has this id, whoever asks: a tunnel or a row that can't be used. */
  found(id: string): Tunnel | BrokenRow | undefined {
    const { table } = this.#options
    return rowById(table, id)
  }
}

function bearerIn(ctx: Context): string | undefined {
  return /^Bearer +([!-~]{1,200}) *$/i.exec(ctx.get('authorization'))?.[1]
}
