import type { Context } from 'koa'
import { rowById } from '../lifecycle/find-tunnel.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import { problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { isUnoffered, type Tunnel, type UnofferedRow } from '../tunnel/tunnel.ts'
import { refuse } from './refused.ts'
import { BEARER_CHALLENGE, idOf } from './reply.ts'
import { noteKeySeen, type SeenKeyParts } from './seen-key.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'

export interface SignedInParts {
  readonly table: TunnelReader
  readonly signIns: SignIns
  readonly cookie: SessionCookie
}

/** The tunnel of the route, dormant or not, for a browser that is signed in to it. Throws Refused for any other. */
export function signedInTunnel(ctx: Context, parts: SignedInParts): Tunnel {
  const tunnel = deletableTunnel(ctx, parts)
  if ('reason' in tunnel) throw refuse(REFUSAL.broken(tunnel))
  return tunnel
}

/** The same, or its row where its kind is not offered: to be deleted, and for nothing else. */
export function deletableTunnel(
  ctx: Context,
  { table, signIns, cookie }: SignedInParts,
): Tunnel | UnofferedRow {
  const id = idOf(ctx)
  const tunnel = rowById(table, id)
  if (tunnel !== undefined && signIns.isOpen(id, cookie.tokensIn(ctx))) {
    if ('reason' in tunnel && !isUnoffered(tunnel)) throw refuse(REFUSAL.broken(tunnel))
    return tunnel
  }
  throw refuse(problem('unauthorized', { case: 'page' }), BEARER_CHALLENGE)
}

export function isSignedIn(ctx: Context, { signIns, cookie }: SignedInParts): boolean {
  return signIns.isOpen(idOf(ctx), cookie.tokensIn(ctx))
}

/** Puts a first view that was taken back unless it reaches the browser: a reload that breaks it off, or a fault, loses nothing. */
export function keepUnlessSent(
  ctx: Context,
  {
    token,
    ...parts
  }: SeenKeyParts & { readonly signIns: SignIns; readonly cookie: SessionCookie; readonly token: string },
): void {
  const { signIns, cookie } = parts
  ctx.res.once('close', () => {
    if (!ctx.res.writableFinished || ctx.res.statusCode >= 400) return signIns.putBack(token)
    const view = signIns.forgetTaken(token)
    if (view === undefined || view.key === '') return
    noteKeySeen(parts, { id: view.tunnelId, key: view.key, tokens: cookie.tokensIn(ctx) })
  })
}
