import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Way } from '../tunnel/contact.ts'

/** The name under which the secret is kept with the tunnels. */
const SECRET = 'confirmations'
const SECRET_OCTETS = 32
const TOKEN_LENGTH = 22

/**
 * Tokens that whoever reads at a target has been sent, and nobody else has: with one they say that notices may come, or
 * that they may not. None is kept: each follows from a secret of ours, so that it works after a crash and in every copy of
 * the letter, for as long as the tunnel has the target.
 */
export class Confirmations {
  readonly #secret: string

  /** A secret that can't be kept is one until the next start. */
  constructor(store: Pick<TunnelStore, 'secret' | 'keepSecret'>) {
    this.#secret = keptSecret(store) ?? randomBytes(SECRET_OCTETS).toString('base64')
  }

  tokenOf(tunnelId: string, { kind, target }: Pick<Way, 'kind' | 'target'>): string {
    const content = JSON.stringify([tunnelId, kind, target])
    return createHmac('sha256', this.#secret).update(content).digest('base64url').slice(0, TOKEN_LENGTH)
  }

  isTokenOf(token: string, tunnelId: string, way: Pick<Way, 'kind' | 'target'>): boolean {
    const right = Buffer.from(this.tokenOf(tunnelId, way))
    const given = Buffer.from(token)
    return given.length === right.length && timingSafeEqual(given, right)
  }
}

function keptSecret(store: Pick<TunnelStore, 'secret' | 'keepSecret'>): string | undefined {
  try {
    const kept = store.secret(SECRET)
    if (kept !== undefined) return kept
    const made = randomBytes(SECRET_OCTETS).toString('base64')
    store.keepSecret(SECRET, made)
    return made
  } catch {
    return undefined // the store has told of its trouble itself
  }
}
