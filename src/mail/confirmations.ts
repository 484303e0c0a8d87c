import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Way } from '../tunnel/contact.ts'

/** The name under which the secret is kept with the tunnels. */
const SECRET = 'confirmations'
const SECRET_OCTETS = 32
const TOKEN_LENGTH = 32
const FORMER_LENGTH = 22

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

  /**
   * One for each mailbox, whatever capitals an address is typed with. In digits and letters alone: it ends a link, and mail
   * programs take a hyphen there for the sentence's.
   */
  tokenOf(tunnelId: string, way: Pick<Way, 'kind' | 'target'>): string {
    return this.#digest(tunnelId, mailboxOf(way)).toString('hex').slice(0, TOKEN_LENGTH)
  }

  isTokenOf(token: string, tunnelId: string, way: Pick<Way, 'kind' | 'target'>): boolean {
    // Letters of earlier versions have others, the first ones of the address as it was typed.
    const former = [mailboxOf(way), way].map(one =>
      this.#digest(tunnelId, one).toString('base64url').slice(0, FORMER_LENGTH),
    )
    return [this.tokenOf(tunnelId, way), ...former].some(right => isSameToken(token, right))
  }

  #digest(tunnelId: string, { kind, target }: Pick<Way, 'kind' | 'target'>): Buffer {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([tunnelId, kind, target]))
      .digest()
  }
}

function mailboxOf({ kind, target }: Pick<Way, 'kind' | 'target'>): Pick<Way, 'kind' | 'target'> {
  return { kind, target: kind === 'email' ? target.toLowerCase() : target }
}

function isSameToken(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
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
