import { randomBytes } from 'node:crypto'
import type { Problem } from '../shared/problem.ts'

/** How long a browser stays signed in to its tunnel, in milliseconds. */
const SESSION_LIFETIME_MS = 3_600_000
/** How long a new tunnel's key waits for its page to be opened, in milliseconds. */
const FRESH_KEY_LIFETIME_MS = 600_000
/** The oldest are dropped beyond this: they cost a hundred octets each. */
const MAX_SESSIONS = 10_000
const COOKIE = 'freenet6'

interface Session {
  readonly tunnelId: string
  readonly expires: number
}

/** What one view of a tunnel's page shows, and no later one: the key of a new tunnel, and doubts about its endpoint. */
export interface FirstView {
  /** Empty where the tunnel is not new. */
  readonly key: string
  readonly warnings: readonly Problem[]
}

/**
 * Who may see a tunnel's page: a browser that registered it or gave its key. The cookie is a random token, never the
 * key. The key of a new tunnel waits for the first view of its page, behind a token that works once.
 */
export class SignIns {
  readonly #sessions = new Map<string, Session>()
  readonly #firstViews = new Map<string, FirstView & Session>()
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

  /** Keeps what waits for the next view of a tunnel's page; returns the token that asks for it. */
  keepFirstView(tunnelId: string, view: FirstView): string {
    const token = newToken()
    remember(this.#firstViews, token, { ...view, tunnelId, expires: Date.now() + FRESH_KEY_LIFETIME_MS })
    return token
  }

  /** What waits behind a token; it is forgotten at once. */
  takeFirstView(tunnelId: string, token: string): FirstView | undefined {
    const view = this.#firstViews.get(token)
    if (view === undefined || view.tunnelId !== tunnelId) return undefined
    this.#firstViews.delete(token)
    return view.expires < Date.now() ? undefined : view
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

/** Adds to the end; the front, which expires first, is cleared of what has expired or is too much. */
function remember<T extends Session>(map: Map<string, T>, token: string, value: T): void {
  map.set(token, value)
  for (const [oldest, { expires }] of map) {
    if (map.size <= MAX_SESSIONS && expires >= Date.now()) return
    map.delete(oldest)
  }
}

function newToken(): string {
  return randomBytes(16).toString('base64url')
}

function tokenIn(header: string | undefined): string | undefined {
  return /(?:^|;\s*)freenet6=([A-Za-z0-9_-]{22})(?:;|$)/.exec(header ?? '')?.[1]
}
