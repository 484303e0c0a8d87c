import { randomBytes } from 'node:crypto'

/** How long a browser stays signed in to its tunnel, in milliseconds. */
const SESSION_LIFETIME_MS = 3_600_000
/** The oldest are dropped beyond this: they cost a hundred octets each. */
const MAX_SESSIONS = 10_000
const COOKIE = 'freenet6'

interface Session {
  readonly tunnelId: string
  readonly expires: number
}

interface FreshKey extends Session {
  readonly key: string
}

/**
 * Who may see a tunnel's page: a browser that registered it or gave its key. The cookie is a random token, never the
 * key. The key of a new tunnel waits for the first view of its page, behind a token that works once.
 */
export class SignIns {
  readonly #sessions = new Map<string, Session>()
  readonly #freshKeys = new Map<string, FreshKey>()
  readonly #secure: boolean

  constructor(options: { readonly secure: boolean }) {
    this.#secure = options.secure
  }

  /** Signs a browser in to a tunnel; returns the Set-Cookie value. */
  open(tunnelId: string): string {
    const token = newToken()
    remember(this.#sessions, token, { tunnelId, expires: Date.now() + SESSION_LIFETIME_MS })
    return `${COOKIE}=${token}; Path=/tunnels; HttpOnly; SameSite=Strict; Max-Age=${SESSION_LIFETIME_MS / 1000}${this.#secure ? '; Secure' : ''}`
  }

  /** Keeps a new tunnel's key for one view of its page; returns the token that asks for it. */
  keepKey(tunnelId: string, key: string): string {
    const token = newToken()
    remember(this.#freshKeys, token, { tunnelId, key, expires: Date.now() + SESSION_LIFETIME_MS })
    return token
  }

  /** The key that waits behind a token; it is forgotten at once. */
  takeKey(tunnelId: string, token: string): string | undefined {
    const fresh = this.#freshKeys.get(token)
    if (fresh === undefined || fresh.tunnelId !== tunnelId || fresh.expires < Date.now()) return undefined
    this.#freshKeys.delete(token)
    return fresh.key
  }

  isOpen(tunnelId: string, cookieHeader: string | undefined): boolean {
    const session = this.#sessions.get(tokenIn(cookieHeader) ?? '')
    return session !== undefined && session.tunnelId === tunnelId && session.expires >= Date.now()
  }

  /** Ends the session of a deleted tunnel. */
  close(cookieHeader: string | undefined): void {
    this.#sessions.delete(tokenIn(cookieHeader) ?? '')
  }
}

function remember<T>(map: Map<string, T>, token: string, value: T): void {
  map.set(token, value)
  const oldest = map.keys().next()
  if (map.size > MAX_SESSIONS && oldest.value !== undefined) map.delete(oldest.value)
}

function newToken(): string {
  return randomBytes(16).toString('base64url')
}

function tokenIn(header: string | undefined): string | undefined {
  return /(?:^|;\s*)freenet6=([A-Za-z0-9_-]{22})(?:;|$)/.exec(header ?? '')?.[1]
}
