import type { Context } from 'koa'
import type { KeyRenewal } from '../lifecycle/key-renewal.ts'
import { seeOther } from './reply.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignIns } from './sign-in.ts'

interface Parts {
  readonly signIns: SignIns
  readonly cookie: SessionCookie
}

/** Signs the browser in and leads it to its new key. `askedWith`: the tokens that the asker has shown. */
export function toNewKey(
  ctx: Context,
  {
    signIns,
    cookie,
    askedWith,
    renewal: { tunnel, key },
  }: Parts & {
    readonly askedWith: readonly string[]
    readonly renewal: Extract<KeyRenewal, { readonly kind: 'renewed' }>
  },
): void {
  cookie.send(ctx, signIns.open(tunnel.id))
  const view = signIns.keepFirstView(tunnel.id, { key, warnings: [] }, askedWith)
  seeOther(ctx, `/tunnels/${tunnel.id}?first=${view}`)
}

/**
 * Leads whoever shows one of the tokens that a new key was asked for with to that key, while it waits for its first view:
 * the token is void by then, and a second click would end at a closed door, with the only reply that had the key dropped.
 * False: none waits.
 */
export function toWaitingKey(
  ctx: Context,
  {
    signIns,
    cookie,
    shown,
    tunnelId,
  }: Parts & { readonly shown: readonly string[]; readonly tunnelId?: string },
): boolean {
  const waiting = signIns.waitingFor(shown)
  if (waiting === undefined || (tunnelId !== undefined && waiting.tunnelId !== tunnelId)) return false
  cookie.send(ctx, signIns.open(waiting.tunnelId))
  seeOther(ctx, `/tunnels/${waiting.tunnelId}?first=${waiting.view}`)
  return true
}
