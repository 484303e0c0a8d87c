import { BoundedSessions, type Session } from '../shared/bounded-sessions.ts'

/** For how long a link that was mailed works, in milliseconds. */
const LIFETIME_MS = 1_800_000

/**
 * Links that make a new key for a tunnel. They are made when their letter leaves and kept in memory alone: neither the
 * database nor a backup has one.
 */
export class RecoveryLinks {
  readonly #links = new BoundedSessions<Session>(() => performance.now())

  /** The token of a new link. */
  make(tunnelId: string): string {
    return this.#links.add({ tunnelId, expires: performance.now() + LIFETIME_MS })
  }

  tunnelOf(token: string): string | undefined {
    return this.#links.tunnelOf(token)
  }

  /** Makes all links of a tunnel void. */
  forget(tunnelId: string): void {
    this.#links.deleteAll(tunnelId)
  }
}
