import type Router from '@koa/router'
import type { Context } from 'koa'
import { parseIpv4 } from '../address/ipv4.ts'
import { lowerCaseAscii } from '../registration/ascii.ts'
import type { KeyCheck } from '../registration/key-check.ts'
import type { OwnerChanges } from '../registration/owner-changes.ts'
import type { VisitorAddress } from '../registration/visitor.ts'
import { type Problem, type ProblemCode, problem, statusOf } from '../shared/problem.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { fieldsOf, type Pairs, readPairs } from './body.ts'
import type { PortalOptions } from './options.ts'
import { Refused, refuse } from './refused.ts'
import { visitorOf } from './visitor.ts'

export const UPDATE_PATH = '/nic/update'
/** As clients write it who join a host and a path of their own. */
const UPDATE_PATHS = /^\/+nic\/+update\/*$/

/**
 * Refusals that pass without anybody touching the client, so that it had better try again: a line that takes over for
 * another one may have an address for now that nobody can have a tunnel on.
 */
const PASSING: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'ipv4-unreachable',
  'ipv4-in-use',
  'ipv4-private',
  'ipv4-shared',
  'ipv4-not-yours',
  'quota-exceeded',
  'too-many-requests',
  'suspended',
])
/** Seconds until a client may try again if the refusal does not say: the time that an address takes to move. */
const RETRY_SECONDS = '300'
/** inadyn takes a reply that holds one of these words for success. */
const SUCCESS_WORDS = /ok|good|true|updated|nochg/i
const METHODS: readonly string[] = ['GET', 'POST']
/** All other parameters are ignored. */
const READ: ReadonlySet<string> = new Set(['hostname', 'myip', 'username', 'password'])
const WRONG = { kind: 'wrong' } as const
const TUNNEL_ID = /^[a-z0-9]{12}$/
/** Two labels at least, of letters, digits, hyphens and, as some write them, underscores; a final dot is taken. */
const HOST_NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+\.?$/

export interface Dyndns2Options extends Pick<PortalOptions, 'trustedProxies'> {
  readonly keys: KeyCheck
  readonly changes: OwnerChanges
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
    const parameters = parametersOf([...new URLSearchParams(ctx.querystring), ...(await formOf(ctx))])
    const visitor = visitorOf(ctx.req, this.#options.trustedProxies)
    const { user, password } = credentialsOf(ctx, parameters)
    const { keys, changes } = this.#options
    const opening = user === '' ? WRONG : await keys.open(keys.find(user), password, visitor)
    if (opening.kind === 'refused') throw new Refused(opening.problems)
    if (opening.kind === 'wrong') throw refuse(problem('unauthorized', { case: 'wrong-key' }))
    const { tunnel } = opening
    const wrong = this.#hostnameFault(parameters.hostname ?? '', tunnel)
    if (wrong !== undefined) {
      sendWord(ctx, wrong.status, wrong.word)
      return
    }
    const roams = tunnel.kind.publicKey !== undefined
    const ipv4 = roams ? visitor.address : newAddress(parameters.myip ?? '', visitor)
    const outcome = await changes.changeEndpoint(tunnel, ipv4, visitor)
    if (outcome.kind === 'refused') throw new Refused(outcome.problems)
    const moved = roams ? ipv4 : outcome.tunnel.ipv4Client
    const isAsBefore = (roams || moved === tunnel.ipv4Client) && tunnel.dormant === undefined
    sendWord(ctx, 200, `${isAsBefore ? 'nochg' : 'good'} ${moved}`)
  }

  /** A list is fine if all its names are of the one tunnel. */
  #hostnameFault(list: string, tunnel: Tunnel): { status: number; word: string } | undefined {
    const given = list.split(',').map(name => lowerCaseAscii(name.trim()))
    const names = [...new Set(given)].filter(name => name !== '')
    if (names.length === 0) return { status: 400, word: 'notfqdn' }
    if (names.some(name => !HOST_NAME.test(name) && !TUNNEL_ID.test(name)))
      return { status: 400, word: 'notfqdn' }
    const strangers = names.filter(name => !this.#isNameOf(name, tunnel))
    if (strangers.length === 0) return undefined
    return names.length > 1 ? { status: 400, word: 'numhost' } : { status: 404, word: 'nohost' }
  }

  /** Under a former origin too: the key has told whose client it is, and one that hears nohost ends for good. */
  #isNameOf(name: string, { id, nicname, country }: Tunnel): boolean {
    return this.#options.keys.find(name)?.id === id || name.startsWith(`${nicname}.${country}.`)
  }
}

export function isUpdatePath(path: string): boolean {
  return UPDATE_PATHS.test(path)
}

/**
 * The IPv4 address of `myip`, which may list one of each family, or else the visitor's own: ddclient with usev6 sends
 * an empty `myip`. Throws Refused if the visitor comes over IPv6 and names none.
 */
function newAddress(list: string, visitor: VisitorAddress): string {
  const addresses = list
    .split(',')
    .map(address => address.trim())
    .filter(address => address !== '')
  const [first] = addresses
  if (first !== undefined) return addresses.find(address => parseIpv4(address) !== undefined) ?? first
  if (visitor.family === 4) return visitor.address
  throw refuse(problem('ipv4-syntax', { case: 'over-ipv6', visitor: visitor.address }))
}

/** A failure in the words of the protocol; what is wrong with an address follows, by its code and in a sentence. */
export function replyWithWord(ctx: Context, problems: readonly Problem[], language: Language): void {
  const status = statusOf(problems)
  const first = problems[0] ?? problem('internal', {})
  if (status === 401) ctx.set('www-authenticate', 'Basic realm="freenet6", charset="UTF-8"')
  if (isInadyn(ctx) && PASSING.has(first.code)) {
    // It ends for good on whatever is not 5xx.
    if (!ctx.res.hasHeader('retry-after')) ctx.set('retry-after', RETRY_SECONDS)
    sendWord(ctx, 503, `911 ${reasonOf(first, language)}`)
    return
  }
  sendWord(ctx, status >= 500 ? 503 : status, wordFor(status, first, language))
}

/** No word but the protocol's stands first: clients tell by it what to do. */
function wordFor(status: number, first: Problem, language: Language): string {
  if (status >= 500) return '911'
  if (status === 401) return 'badauth'
  if (status === 404) return 'nohost'
  if (status === 429 || first.code === 'suspended') return 'abuse'
  return `${first.field === 'ipv4' ? 'dnserr' : 'badagent'} ${reasonOf(first, language)}`
}

function reasonOf(first: Problem, language: Language): string {
  const reason = `${first.code} ${language.detail(first)}`
  return SUCCESS_WORDS.test(reason) ? first.code : reason
}

function isInadyn(ctx: Context): boolean {
  return ctx.get('user-agent').startsWith('inadyn/')
}

/** ddclient reads the word only if the status is 2xx, and never tries again if it could not read one. */
function sendWord(ctx: Context, status: number, word: string): void {
  const isDdclient = ctx.get('user-agent').startsWith('ddclient/')
  ctx.status = isDdclient && status !== 401 ? 200 : status
  ctx.type = 'text/plain'
  ctx.set('cache-control', 'no-store')
  ctx.body = `${word}\n`
}

type Parameters = Readonly<Record<string, string>>

/** What the protocol reads: several `hostname` are a list, an empty value is none. Throws Refused if another has two values. */
function parametersOf(pairs: Pairs): Parameters {
  const given = [...pairs].filter(([name, value]) => READ.has(name) && value.trim() !== '')
  const hostnames = given.flatMap(([name, value]) => (name === 'hostname' ? [value] : []))
  return { ...fieldsOf(given.filter(([name]) => name !== 'hostname')), hostname: hostnames.join(',') }
}

async function formOf(ctx: Context): Promise<Pairs> {
  if (ctx.method !== 'POST') return []
  // RFC 9112 6.3: with neither field there is no body
  const hasBody = ctx.get('transfer-encoding') !== '' || Number(ctx.get('content-length')) > 0
  return hasBody ? readPairs(ctx.req) : []
}

function credentialsOf(
  ctx: Context,
  { username = '', password = '' }: Parameters,
): { readonly user: string; readonly password: string } {
  const basic = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(ctx.get('authorization'))?.[1]
  if (basic === undefined) return { user: username, password }
  const [user = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { user: user.trim(), password: rest.join(':').trim() }
}
