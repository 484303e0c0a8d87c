import { BoundedSessions, type Session } from '../shared/bounded-sessions.ts'
import type { SignIns } from './sign-in.ts'

/** A change that a form of a tunnel's page has made. */
export type Change = 'endpoint' | 'public-key' | 'mtu' | 'routed' | 'returned'

/** How long a page may take to be asked for after the change, in milliseconds. */
const PATIENCE_MS = 60_000

/** What a browser has changed and is told by the next page of the tunnel, once. Forgotten with the process. */
export class DoneChanges {
  readonly #signIns: Pick<SignIns, 'openIn'>
  readonly #now: () => number
  readonly #changes: BoundedSessions<Session & { readonly change: Change }>

  /** `now`: milliseconds since some moment. */
  constructor(signIns: Pick<SignIns, 'openIn'>, now: () => number = () => performance.now()) {
    this.#signIns = signIns
    this.#now = now
    this.#changes = new BoundedSessions(now)
  }

  /** `tokens`: the browser's, of its sessions. */
  note(tunnelId: string, tokens: readonly string[], change: Change): void {
    for (const token of this.#signIns.openIn(tunnelId, tokens)) {
      this.#changes.delete(token)
      this.#changes.add({ tunnelId, change, expires: this.#now() + PATIENCE_MS }, token)
    }
  }

  /** The last change of a tunnel by this browser that it was not told of. */
  take(tunnelId: string, tokens: readonly string[]): Change | undefined {
    const noted = tokens.filter(token => this.#changes.find(tunnelId, token) !== undefined)
    return noted.map(token => this.#changes.delete(token)?.change)[0]
  }
}
