import { randomBytes } from 'node:crypto'
import type { Problem } from '../shared/problem.ts'

/** How long a browser stays signed in to its tunnel, in milliseconds. */
export const SESSION_LIFETIME_MS = 3_600_000
/** How long a new tunnel's key waits for its page to be opened, in milliseconds. */
const FRESH_KEY_LIFETIME_MS = 600_000
/** The oldest are dropped beyond this: they cost a hundred octets each. */
const MAX_SESSIONS = 10_000
/** Browsers that may be signed in to one tunnel; whoever has its key can't push out everybody else's. */
const MAX_PER_TUNNEL = 8

interface Session {
  readonly tunnelId: string
  readonly expires: number
}

/** What one view of a tunnel's page shows, and no later one: the key of a new tunnel, and doubts about its endpoint. */
export interface FirstView {
  /** Empty where the tunnel is not new. */
  readonly key: string
  readonly warnings: readonly Problem[]
  /** An endpoint that was typed before its owner had to sign in again. */
  readonly typedIpv4?: string
}

/**
 * Who may see a tunnel's page: a browser that registered it or gave its key. It holds a random token, never the key.
 * The key of a new tunnel waits for the first view of its page, behind a token that works once.
 */
export class SignIns {
  readonly #now: () => number
  readonly #sessions: BoundedSessions<Session>
  readonly #firstViews: BoundedSessions<FirstView & Session>
  /** Views on their way to a browser. */
  readonly #taken: BoundedSessions<FirstView & Session>

  /** `now`: milliseconds since some moment. A wall clock that is set ends no session and lengthens none. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#sessions = new BoundedSessions(now)
    this.#firstViews = new BoundedSessions(now)
    this.#taken = new BoundedSessions(now)
  }

  /** Signs a browser in to a tunnel; returns its token. */
  open(tunnelId: string): string {
    return this.#sessions.add({ tunnelId, expires: this.#now() + SESSION_LIFETIME_MS })
  }

  /** Keeps what waits for the next view of a tunnel's page; returns the token that asks for it. */
  keepFirstView(tunnelId: string, view: FirstView): string {
    return this.#firstViews.add({ ...view, tunnelId, expires: this.#now() + FRESH_KEY_LIFETIME_MS })
  }

  /** Whether the view behind a token still waits. */
  hasFirstView(tunnelId: string, token: string): boolean {
    return this.#firstViews.find(tunnelId, token) !== undefined
  }

  /** What waits behind a token, to nobody else from now on. `forgetTaken` or `putBack` must follow. */
  takeFirstView(tunnelId: string, token: string): FirstView | undefined {
    const view = this.#firstViews.find(tunnelId, token)
    if (view === undefined) return undefined
    this.#firstViews.delete(token)
    this.#taken.add(view, token)
    return view
  }

  /** Forgets what was taken, once the browser has it. */
  forgetTaken(token: string): void {
    this.#taken.delete(token)
  }

  /** Lets what was taken wait again behind the same token, for as long as it would have; not after `close`. */
  putBack(token: string): void {
    const view = this.#taken.delete(token)
    if (view !== undefined) this.#firstViews.add(view, token)
  }

  /** Whether one of a browser's tokens is signed in to the tunnel. */
  isOpen(tunnelId: string, tokens: readonly string[]): boolean {
    return tokens.some(token => this.#sessions.find(tunnelId, token) !== undefined)
  }

  /** The tunnels that a browser's tokens are signed in to, each once. */
  tunnelsOf(tokens: readonly string[]): readonly string[] {
    return [...new Set(tokens.flatMap(token => this.#sessions.tunnelOf(token) ?? []))]
  }

  /** Ends a browser's sessions, whatever it may keep of them. */
  signOut(tokens: readonly string[]): void {
    for (const token of tokens) this.#sessions.delete(token)
  }

  /** Ends the sessions of a tunnel that is deleted or has a new key, and forgets the old key where it waits. */
  close(tunnelId: string): void {
    this.#sessions.deleteAll(tunnelId)
    this.#firstViews.deleteAll(tunnelId)
    this.#taken.deleteAll(tunnelId)
  }
}

/** Sessions by token, the oldest first, a bounded number of them in all and for each tunnel. */
class BoundedSessions<T extends Session> {
  readonly #byToken = new Map<string, T>()
  readonly #tokensOf = new Map<string, string[]>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Adds to the end; the front, which expires first, is cleared of what has expired or is too much. */
  add(session: T, token = randomBytes(16).toString('base64url')): string {
    const siblings = this.#tokensOf.get(session.tunnelId) ?? []
    if (siblings.length >= MAX_PER_TUNNEL) this.delete(siblings[0] ?? '')
    this.#byToken.set(token, session)
    this.#tokensOf.set(session.tunnelId, [...(this.#tokensOf.get(session.tunnelId) ?? []), token])
    this.#clearFront()
    return token
  }

  find(tunnelId: string, token: string): T | undefined {
    const session = this.#byToken.get(token)
    return session?.tunnelId === tunnelId && session.expires >= this.#now() ? session : undefined
  }

  /** The tunnel that a token is for, as long as it lasts. */
  tunnelOf(token: string): string | undefined {
    const session = this.#byToken.get(token)
    return session !== undefined && session.expires >= this.#now() ? session.tunnelId : undefined
  }

  /** What stood behind the token. */
  delete(token: string): T | undefined {
    const session = this.#byToken.get(token)
    if (session === undefined) return undefined
    this.#byToken.delete(token)
    const rest = (this.#tokensOf.get(session.tunnelId) ?? []).filter(other => other !== token)
    if (rest.length === 0) this.#tokensOf.delete(session.tunnelId)
    else this.#tokensOf.set(session.tunnelId, rest)
    return session
  }

  deleteAll(tunnelId: string): void {
    for (const token of this.#tokensOf.get(tunnelId) ?? []) this.#byToken.delete(token)
    this.#tokensOf.delete(tunnelId)
  }

  #clearFront(): void {
    for (const [oldest, { expires }] of this.#byToken) {
      if (this.#byToken.size <= MAX_SESSIONS && expires >= this.#now()) return
      this.delete(oldest)
    }
  }
}
