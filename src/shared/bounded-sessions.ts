import { randomBytes } from 'node:crypto'

/** The oldest are dropped beyond this: they cost a hundred octets each. */
const MAX_SESSIONS = 10_000
/** Browsers that may be signed in to one tunnel; whoever has its key can't push out everybody else's. */
const MAX_PER_TUNNEL = 8

/** What a token is for, and until when. */
export interface Session {
  readonly tunnelId: string
  /** In milliseconds of the holder's clock. */
  readonly expires: number
}

/** Sessions by token, the oldest first, a bounded number of them in all and for each tunnel. */
export class BoundedSessions<T extends Session> {
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

  /** What stands behind a token, as long as it lasts. */
  get(token: string): T | undefined {
    const session = this.#byToken.get(token)
    return session !== undefined && session.expires >= this.#now() ? session : undefined
  }

  find(tunnelId: string, token: string): T | undefined {
    const session = this.get(token)
    return session?.tunnelId === tunnelId ? session : undefined
  }

  /** The tunnel that a token is for, as long as it lasts. */
  tunnelOf(token: string): string | undefined {
    return this.get(token)?.tunnelId
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

  /** Deletes those of a tunnel that stand behind none of these tokens. */
  deleteOthers(tunnelId: string, tokens: readonly string[]): void {
    for (const token of this.#tokensOf.get(tunnelId) ?? []) if (!tokens.includes(token)) this.delete(token)
  }

  deleteAll(tunnelId: string): void {
    for (const token of this.#tokensOf.get(tunnelId) ?? []) this.#byToken.delete(token)
    this.#tokensOf.delete(tunnelId)
  }

  /** All that last, each with the milliseconds that are left to it, the oldest first. */
  kept(): readonly (readonly [token: string, session: T])[] {
    const now = this.#now()
    return [...this.#byToken]
      .filter(([, { expires }]) => expires >= now)
      .map(([token, session]) => [token, { ...session, expires: session.expires - now }])
  }

  /** Takes what `kept` has given. */
  restore(kept: readonly (readonly [token: string, session: T])[]): void {
    for (const [token, session] of kept)
      this.add({ ...session, expires: session.expires + this.#now() }, token)
  }

  #clearFront(): void {
    for (const [oldest, { expires }] of this.#byToken) {
      if (this.#byToken.size <= MAX_SESSIONS && expires >= this.#now()) return
      this.delete(oldest)
    }
  }
}
