import { lookup } from 'node:dns'
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isGlobalUnicast } from '../address/unicast.ts'
import type { Occasion } from '../store/notice.ts'
import type { Carrier, Handover, Letter } from './carrier.ts'
import type { WebhookRules } from './webhook-rules.ts'

export interface WebhookPosterOptions {
  /** Which URLs are posted to now: others may be left from a time when they were allowed. */
  readonly rules: Pick<WebhookRules, 'read'>
  /** In a laboratory: post to any address. */
  readonly allowSpecialPurpose: boolean
  /** Finds a name's addresses; the system's own unless given. */
  readonly lookup?: typeof lookup
  /** Milliseconds for a whole try. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 10_000
/** Octets of a reply that are read: nothing in it is of use. */
const LONGEST_REPLY = 16_384

/** How ntfy shows an occasion: https://docs.ntfy.sh/publish/. Others may read the same heads. */
const LOOKS = {
  confirm: { priority: 'default', tags: 'question' },
  recover: { priority: 'default', tags: 'key' },
  dormant: { priority: 'default', tags: 'zzz' },
  ending: { priority: 'high', tags: 'hourglass' },
  ended: { priority: 'default', tags: 'wastebasket' },
  suspended: { priority: 'high', tags: 'no_entry' },
  resumed: { priority: 'default', tags: 'white_check_mark' },
  deleted: { priority: 'high', tags: 'wastebasket' },
  renewed: { priority: 'high', tags: 'key' },
  parted: { priority: 'high', tags: 'warning' },
  removed: { priority: 'high', tags: 'wastebasket' },
} as const satisfies Readonly<Record<Occasion, { readonly priority: string; readonly tags: string }>>

/**
 * Posts letters to URLs that owners have left. A URL is a wish to have this server send something somewhere: it goes to
 * addresses of the public Internet alone, checked after the name is resolved and before anything is sent, and to that very
 * address; no redirection leads elsewhere.
 */
export class WebhookPoster implements Carrier {
  readonly #options: WebhookPosterOptions
  readonly #end = new AbortController()

  constructor(options: WebhookPosterOptions) {
    this.#options = options
  }

  /** What is not posted is not refused: a host may be on the list again, and a name lead outside, before a notice is old. */
  async carry(letter: Letter): Promise<Handover> {
    const read = this.#options.rules.read(letter.to)
    if (read.kind === 'wrong') return { kind: 'failed', reason: read.problem.code, isDown: false }
    try {
      return handoverOf(await this.#post(letter))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { kind: 'failed', reason, isDown: false }
    }
  }

  /** What is under way fails. */
  close(): void {
    this.#end.abort()
  }

  /** The status of the reply. */
  async #post(letter: Letter): Promise<number> {
    const url = new URL(letter.to)
    this.#checkLiteral(url.hostname)
    const { patienceMs = PATIENCE_MS } = this.#options
    const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(patienceMs)])
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const body = Buffer.from(letter.text)
    const headers = { ...headersOf(letter), 'content-length': body.length }
    return statusOf(
      request(url, {
        method: 'POST',
        headers,
        agent: false,
        signal,
        lookup: this.#lookup,
      }),
      body,
    )
  }

  /** No name is resolved for an address. */
  #checkLiteral(hostname: string): void {
    const literal = hostname.replace(/^\[|\]$/g, '')
    if (/^[0-9.]+$/.test(literal) || literal.includes(':')) this.#check([literal])
  }

  #check(addresses: readonly string[]): void {
    if (this.#options.allowSpecialPurpose) return
    const wrong = addresses.find(address => !isGlobalUnicast(address))
    if (wrong !== undefined) throw new Error(`${wrong} is no address of the public Internet`)
  }

  /** What is connected to is what was checked: Node takes the addresses from here and asks nobody else. */
  readonly #lookup: LookupFunction = (hostname, options, done) => {
    const find = this.#options.lookup ?? lookup
    find(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        done(error, [])
        return
      }
      try {
        this.#check(addresses.map(({ address }) => address))
        const [first] = addresses
        if (options.all === true) done(null, addresses)
        else done(null, first?.address ?? '', first?.family) // one is asked for where families are not tried in turn
      } catch (forbidden) {
        done(forbidden as Error, [])
      }
    })
  }
}

/**
 * Sends a body. The status is the answer: whatever becomes of the rest of the reply, which is read for the peer's sake and
 * not for ever, what was taken is not posted again.
 */
function statusOf(request: ClientRequest, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on('error', reject) // of no effect once there is a status
    // A reply of 101 has Node hang up with neither a response nor an error.
    request.once('close', () => reject(new Error('the connection has ended without a reply')))
    request.once('response', (reply: IncomingMessage) => {
      resolve(reply.statusCode ?? 0)
      let octets = 0
      reply.on('data', (chunk: Uint8Array) => {
        octets += chunk.length
        if (octets > LONGEST_REPLY) request.destroy()
      })
      reply.once('end', () => request.destroy())
      reply.on('error', () => undefined)
    })
    request.end(body)
  })
}

/** RFC 9110 15: what may pass is tried again; a redirection, which nobody follows, too: a site that is being moved has one. */
function handoverOf(status: number): Handover {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const reason = `the reply was ${status}`
  if (status >= 300 && status < 400) return { kind: 'failed', reason, isDown: false, isAstray: true }
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429
  return mayPass ? { kind: 'failed', reason, isDown: false } : { kind: 'refused', reason }
}

function headersOf({ subject, occasion, page, reference }: Letter): Readonly<Record<string, string>> {
  const { priority, tags } = LOOKS[occasion]
  return {
    'content-type': 'text/plain; charset=utf-8',
    'user-agent': 'freenet6',
    title: headerText(subject),
    priority,
    tags,
    click: page,
    'idempotency-key': `"${reference}"`,
  }
}

/** RFC 2047 2: a header has ASCII alone. */
function headerText(text: string): string {
  return /^[ -~]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`
}
