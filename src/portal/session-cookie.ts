import type { Context } from 'koa'
import { SESSION_LIFETIME_MS } from './sign-in.ts'

const NAME = 'freenet6'
/** RFC 6265bis 4.1.3.2: a browser takes such a cookie from this very host alone, over TLS, for all its paths. */
const HOST_PREFIX = '__Host-'
/** A token, as `SignIns` makes them; a cookie holds one for each tunnel that the browser is signed in to. */
const TOKEN = '[A-Za-z0-9_-]{22}'
const SEPARATOR = '.'
/** Tunnels that a browser is signed in to at a time, and tokens that are looked at: others may have planted some. */
const MAX_TOKENS = 8

/** The cookie that holds sign-ins' tokens. They are random and looked up, so that a signature would add nothing. */
export class SessionCookie {
  readonly #name: string
  readonly #pattern: RegExp
  readonly #secure: boolean

  constructor(options: { readonly secure: boolean }) {
    this.#secure = options.secure
    this.#name = options.secure ? `${HOST_PREFIX}${NAME}` : NAME
    this.#pattern = new RegExp(
      `(?:^|;)\\s*${this.#name}=(${TOKEN}(?:\\${SEPARATOR}${TOKEN})*)\\s*(?=;|$)`,
      'g',
    )
  }

  /** Gives the browser a token, and leaves it those that it has. TLS may end at a proxy: the public URL says whether there is any. */
  send(ctx: Context, token: string): void {
    const tokens = [token, ...this.tokensIn(ctx)].slice(0, MAX_TOKENS)
    this.#set(ctx, tokens.join(SEPARATOR), SESSION_LIFETIME_MS)
  }

  /** Takes all tokens away from the browser. */
  clear(ctx: Context): void {
    this.#set(ctx, '', 0)
  }

  /** Every token sent under our name: one that a sister host planted comes first and must not hide ours. */
  tokensIn(ctx: Context): readonly string[] {
    const found = [...ctx.get('cookie').matchAll(this.#pattern)].flatMap(([, tokens = '']) =>
      tokens.split(SEPARATOR),
    )
    return [...new Set(found)].slice(0, MAX_TOKENS)
  }

  #set(ctx: Context, value: string, maxAge: number): void {
    ctx.cookies.secure = this.#secure
    ctx.cookies.set(this.#name, value, {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: this.#secure,
      maxAge,
      signed: false,
    })
  }
}
