import type { Context } from 'koa'
import { SESSION_LIFETIME_MS } from './sign-in.ts'

const NAME = 'freenet6'
/** RFC 6265bis 4.1.3.2: a browser takes such a cookie from this very host alone, over TLS, for all its paths. */
const HOST_PREFIX = '__Host-'
/** Cookies of our name that are looked at: a browser sends one, and perhaps a few that others have planted. */
const MAX_TOKENS = 8

/** The cookie that holds a sign-in's token. The token is random and looked up, so that a signature would add nothing. */
export class SessionCookie {
  readonly #name: string
  readonly #pattern: RegExp
  readonly #secure: boolean

  constructor(options: { readonly secure: boolean }) {
    this.#secure = options.secure
    this.#name = options.secure ? `${HOST_PREFIX}${NAME}` : NAME
    this.#pattern = new RegExp(`(?:^|;)\\s*${this.#name}=([A-Za-z0-9_-]{22})\\s*(?=;|$)`, 'g')
  }

  /** Gives the browser a token. TLS may end at a proxy: the public URL says whether there is any. */
  send(ctx: Context, token: string): void {
    ctx.cookies.secure = this.#secure
    ctx.cookies.set(this.#name, token, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: this.#secure,
      maxAge: SESSION_LIFETIME_MS,
      signed: false,
    })
  }

  /** Every token sent under our name: one that a sister host planted comes first and must not hide ours. */
  tokensIn(ctx: Context): readonly string[] {
    const found = [...ctx.get('cookie').matchAll(this.#pattern)].map(([, token = '']) => token)
    return found.slice(0, MAX_TOKENS)
  }
}
