import type Router from '@koa/router'
import type { Context } from 'koa'
import type { KeyCheck } from '../registration/key-check.ts'
import type { Registrar } from '../registration/registrar.ts'
import { type Problem, problem, statusOf } from '../shared/problem.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { readForm } from './body.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { visitorOf } from './visitor.ts'

export const UPDATE_PATH = '/nic/update'

/** inadyn takes a reply that holds one of these words for success. */
const SUCCESS_WORDS = /ok|good|true|updated|nochg/i
const METHODS: readonly string[] = ['GET', 'POST']
const WRONG = { kind: 'wrong' } as const
const TUNNEL_ID = /^[a-z0-9]{12}$/

export interface Dyndns2Options extends Pick<PortalOptions, 'trustedProxies'> {
  readonly keys: KeyCheck
  readonly registrar: Registrar
}

/**
 * The update protocol of dynamic DNS clients and routers: `hostname`, `myip`, and Basic credentials (RFC 7617) or
 * `username` and `password` among the parameters. The first word of the reply decides.
 */
export class Dyndns2 {
  readonly #options: Dyndns2Options

  constructor(options: Dyndns2Options) {
    this.#options = options
  }

  mount(router: Router): void {
    router.all(UPDATE_PATH, ctx => this.#update(ctx))
  }

  /** HEAD is not taken for GET here: it would write. */
  async #update(ctx: Context): Promise<void> {
    if (!METHODS.includes(ctx.method))
      throw refuse(problem('method-not-allowed', { allowed: METHODS.join(', ') }), {
        allow: METHODS.join(', '),
      })
    const parameters = new Map([...new URLSearchParams(ctx.querystring), ...(await formOf(ctx))])
    const visitor = visitorOf(ctx.req, this.#options.trustedProxies)
    const { user, password } = credentialsOf(ctx, parameters)
    const { keys, registrar } = this.#options
    const opening = user === '' ? WRONG : await keys.open(keys.find(user), password, visitor)
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') throw refuse(problem('unauthorized', { case: 'wrong-key' }))
    const { tunnel } = opening
    const hostname = (parameters.get('hostname') ?? '').trim()
    const wrong = this.#hostnameFault(hostname, tunnel)
    if (wrong !== undefined) {
      sendWord(ctx, wrong.status, wrong.word)
      return
    }
    // ddclient with usev6 sends an empty myip: absent
    const ipv4 = (parameters.get('myip') ?? '').trim() || visitor.address
    const outcome = await registrar.changeEndpoint(tunnel, ipv4, visitor)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    const moved = outcome.tunnel.ipv4Client
    sendWord(ctx, 200, `${moved === tunnel.ipv4Client ? 'nochg' : 'good'} ${moved}`)
  }

  #hostnameFault(hostname: string, tunnel: Tunnel): { status: number; word: string } | undefined {
    if (hostname.includes(',')) return { status: 400, word: 'numhost' }
    if (!hostname.includes('.') && !TUNNEL_ID.test(hostname)) return { status: 400, word: 'notfqdn' }
    return this.#options.keys.find(hostname)?.id === tunnel.id ? undefined : { status: 404, word: 'nohost' }
  }
}

/** What ddclient's configuration file says for a tunnel; the key is left to its owner. */
export function ddclientLines(tunnelId: string, name: string, publicUrl: string): string {
  const isSecure = publicUrl.startsWith('https:')
  return [
    `ssl=${isSecure ? 'yes' : 'no'}`,
    'use=if, if=eth0',
    'protocol=dyndns2',
    `server=${URL.parse(publicUrl)?.host ?? ''}`,
    `script=${UPDATE_PATH}`,
    `login=${tunnelId}`,
    "password='YOUR KEY'",
    name,
  ].join('\n')
}

/** A failure in the words of the protocol. An address that is refused gets its code, then the reason. */
export function replyWithWord(ctx: Context, problems: readonly Problem[], language: Language): void {
  const status = statusOf(problems)
  if (status === 401) ctx.set('www-authenticate', 'Basic realm="freenet6", charset="UTF-8"')
  sendWord(ctx, status >= 500 ? 503 : status, wordFor(status, problems[0], language))
}

function wordFor(status: number, first: Problem | undefined, language: Language): string {
  if (status >= 500 || first === undefined) return '911'
  if (status === 401) return 'badauth'
  if (status === 404) return 'nohost'
  if (status === 429) return 'abuse'
  const reason = `${first.code} ${language.detail(first)}`
  return SUCCESS_WORDS.test(reason) ? first.code : reason
}

/** ddclient reads the word only where the status is 2xx, and never tries again where it could not read one. */
function sendWord(ctx: Context, status: number, word: string): void {
  const isDdclient = ctx.get('user-agent').startsWith('ddclient/')
  ctx.status = isDdclient && status !== 401 ? 200 : status
  ctx.type = 'text/plain'
  ctx.set('cache-control', 'no-store')
  ctx.body = `${word}\n`
}

async function formOf(ctx: Context): Promise<readonly (readonly [string, string])[]> {
  if (ctx.method !== 'POST') return []
  // RFC 9112 6.3: with neither field there is no body
  const hasBody = ctx.get('transfer-encoding') !== '' || Number(ctx.get('content-length')) > 0
  return hasBody ? Object.entries(await readForm(ctx.req)) : []
}

function credentialsOf(
  ctx: Context,
  parameters: ReadonlyMap<string, string>,
): { readonly user: string; readonly password: string } {
  const basic = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(ctx.get('authorization'))?.[1]
  if (basic === undefined)
    return {
      user: (parameters.get('username') ?? '').trim(),
      password: (parameters.get('password') ?? '').trim(),
    }
  const [user = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { user: user.trim(), password: password.join(':').trim() }
}
