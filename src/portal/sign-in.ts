import { BoundedSessions, type Session } from '../shared/bounded-sessions.ts'
import type { Problem } from '../shared/problem.ts'

/** How long a browser stays signed in to its tunnel, in milliseconds. */
export const SESSION_LIFETIME_MS = 3_600_000
/** How long a new tunnel's key waits for its page to be opened, in milliseconds. */
const FRESH_KEY_LIFETIME_MS = 600_000

/** Fields of an owner's forms that wait while the owner signs in again. */
export const AWAITING_FIELDS = ['ipv4', 'public_key', 'mtu', 'email', 'webhook'] as const

/** What was typed into them; an empty text is a wish too. */
export type AwaitingFields = { readonly [field in (typeof AWAITING_FIELDS)[number]]?: string }

/** What one view of a tunnel's page, or of a form of it, shows, and no later one: the key of a new tunnel, doubts, what was typed. */
export interface FirstView {
  /** Empty if the tunnel is not new. */
  readonly key: string
  readonly warnings: readonly Problem[]
  /** What was typed before its owner had to sign in again. */
  readonly typed?: AwaitingFields
}

/** Where the view of a new key waits. */
type Asked = Session & { readonly view: string }

/** Sessions, first views, and what was asked for with which token, by token. */
export interface KeptSignIns {
  readonly sessions: readonly (readonly [token: string, session: Session])[]
  readonly firstViews: readonly (readonly [token: string, view: FirstView & Session])[]
  readonly asked: readonly (readonly [token: string, asked: Asked])[]
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
  /** By the tokens with which new keys were asked for, which are void since. */
  readonly #asked: BoundedSessions<Asked>

  /** `now`: milliseconds since some moment. A wall clock that is set ends no session and lengthens none. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#sessions = new BoundedSessions(now)
    this.#firstViews = new BoundedSessions(now)
    this.#taken = new BoundedSessions(now)
    this.#asked = new BoundedSessions(now)
  }

  /** Signs a browser in to a tunnel; returns its token. */
  open(tunnelId: string): string {
    return this.#sessions.add({ tunnelId, expires: this.#now() + SESSION_LIFETIME_MS })
  }

  /**
   * Keeps what waits for the next view of a tunnel's page; returns the token that asks for it. `askedWith`: what the asker
   * has shown for it; a second click comes with that again, and so does whoever never got the reply.
   */
  keepFirstView(tunnelId: string, view: FirstView, askedWith: readonly string[] = []): string {
    const expires = this.#now() + FRESH_KEY_LIFETIME_MS
    const token = this.#firstViews.add({ ...view, tunnelId, expires })
    for (const shown of askedWith) this.#asked.add({ tunnelId, expires, view: token }, shown)
    return token
  }

  /** The view of a new key that still waits for who asked for it with one of these tokens. */
  waitingFor(shown: readonly string[]): { readonly tunnelId: string; readonly view: string } | undefined {
    return shown
      .flatMap(token => this.#asked.get(token) ?? [])
      .find(({ tunnelId, view }) => this.hasFirstView(tunnelId, view))
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

  /**
   * Lets what was taken be seen once more, behind the token that this returns and for as long as it would have waited: the
   * page that shows it leads on to others that show it too.
   */
  passOn(token: string): string {
    const view = this.#taken.get(token)
    return view === undefined ? '' : this.#firstViews.add(view)
  }

  /** Forgets what was taken, once the browser has it; returns it. */
  forgetTaken(token: string): (FirstView & Session) | undefined {
    return this.#taken.delete(token)
  }

  /** Lets what was taken wait again behind the same token, for as long as it would have; not after `close`. */
  putBack(token: string): void {
    const view = this.#taken.delete(token)
    if (view !== undefined) this.#firstViews.add(view, token)
  }

  /** Whether one of a browser's tokens is signed in to the tunnel. */
  isOpen(tunnelId: string, tokens: readonly string[]): boolean {
    return this.openIn(tunnelId, tokens).length > 0
  }

  /** Those of a browser's tokens that are signed in to the tunnel. */
  openIn(tunnelId: string, tokens: readonly string[]): readonly string[] {
    return tokens.filter(token => this.#sessions.find(tunnelId, token) !== undefined)
  }

  /** Tells later whether the sessions behind a browser's tokens were ended before their time; one that is over was not. */
  areEnded(tunnelId: string, tokens: readonly string[]): () => boolean {
    const sessions = tokens.flatMap(token => this.#sessions.find(tunnelId, token) ?? [])
    const until = Math.max(...sessions.map(({ expires }) => expires))
    return () => this.#now() < until && !this.isOpen(tunnelId, tokens)
  }

  /** The tunnels that a browser's tokens are signed in to, each once. */
  tunnelsOf(tokens: readonly string[]): readonly string[] {
    return [...new Set(tokens.flatMap(token => this.#sessions.tunnelOf(token) ?? []))]
  }

  /** Ends a browser's sessions, whatever it may keep of them, void ones that would lead to a key that waits too. */
  signOut(tokens: readonly string[]): void {
    for (const tunnelId of this.tunnelsOf(tokens)) this.#asked.deleteAll(tunnelId)
    for (const token of tokens) this.#sessions.delete(token)
  }

  /** Ends the sessions of a tunnel but those behind these tokens. */
  signOutOthers(tunnelId: string, tokens: readonly string[]): void {
    this.#sessions.deleteOthers(tunnelId, tokens)
  }

  /** What a successor needs so that browsers stay signed in, and keys that nobody has seen yet wait. */
  kept(): KeptSignIns {
    return {
      sessions: this.#sessions.kept(),
      firstViews: this.#firstViews.kept(),
      asked: this.#asked.kept(),
    }
  }

  /** Takes what `kept` has given. */
  restore({ sessions, firstViews, asked }: KeptSignIns): void {
    this.#sessions.restore(sessions)
    this.#firstViews.restore(firstViews)
    this.#asked.restore(asked)
  }

  /** Ends the sessions of a tunnel that has a new key, and forgets the old key if it waits. */
  close(tunnelId: string): void {
    this.#sessions.deleteAll(tunnelId)
    this.forgetViews(tunnelId)
  }

  /** Forgets what waits for a tunnel that is deleted. Who is signed in to it stays so, and is told what became of it. */
  forgetViews(tunnelId: string): void {
    this.#firstViews.deleteAll(tunnelId)
    this.#taken.deleteAll(tunnelId)
    this.#asked.deleteAll(tunnelId)
  }
}
