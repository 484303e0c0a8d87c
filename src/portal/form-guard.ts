import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { refuse } from './refusal-error.ts'
import { limitKey, type VisitorAddress } from './visitor.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const HOUR_SECONDS = 3600
/** Wrong keys that an address may send in a minute: enough for a typing mistake, too few to try keys. */
const WRONG_KEYS_PER_MINUTE = 20

/**
 * Refuses writes that another site made a browser send (CSRF). Browsers say where a request comes from, by
 * Sec-Fetch-Site or by Origin; programs such as curl say neither and carry no cookies that could be abused.
 */
export function guardOrigin(request: IncomingMessage, ownOrigins: ReadonlySet<string>): void {
  if (SAFE_METHODS.has(request.method ?? '')) return
  const site = request.headers['sec-fetch-site']
  if (site === 'same-origin' || site === 'none') return
  const { origin, host } = request.headers
  const isOwn =
    site === undefined && (origin === undefined || ownOrigins.has(origin) || URL.parse(origin)?.host === host)
  if (!isOwn)
    throw refuse('cross-site', 'This form was sent from another site. Open the page here and send it again.')
}

/** Counts what a visitor may do only so often. */
export class VisitorLimits {
  readonly #registrations: RateLimiterMemory | undefined
  readonly #wrongKeys = new RateLimiterMemory({ points: WRONG_KEYS_PER_MINUTE, duration: 60 })

  /** `registrationsPerHour` 0: no limit. */
  constructor(registrationsPerHour: number) {
    this.#registrations =
      registrationsPerHour === 0
        ? undefined
        : new RateLimiterMemory({ points: registrationsPerHour, duration: HOUR_SECONDS })
  }

  /** Counts a registration that passed every check. Throws Refused over the limit. */
  async countRegistration(visitor: VisitorAddress): Promise<void> {
    await this.#registrations?.consume(limitKey(visitor)).catch(error => {
      throw refuse(
        'quota-exceeded',
        `Your address has registered as often as it may in an hour. ${whenText(error)}`,
        retryAfter(error),
      )
    })
  }

  /** Refuses a visitor who has sent too many wrong keys. */
  async refuseGuessers(visitor: VisitorAddress): Promise<void> {
    const state = await this.#wrongKeys.get(limitKey(visitor))
    if (state === null || state.remainingPoints > 0) return
    throw refuse(
      'too-many-requests',
      `Too many wrong keys from your address. ${whenText(state)}`,
      retryAfter(state),
    )
  }

  async countWrongKey(visitor: VisitorAddress): Promise<void> {
    await this.#wrongKeys.consume(limitKey(visitor)).catch(() => undefined)
  }
}

function retryAfter(error: unknown): Record<string, string> {
  return { 'retry-after': String(secondsLeft(error)) }
}

function whenText(error: unknown): string {
  const seconds = secondsLeft(error)
  return `Try again in ${seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`
}

function secondsLeft(error: unknown): number {
  if (!(error instanceof RateLimiterRes)) throw error
  return Math.max(1, Math.ceil(error.msBeforeNext / 1000))
}
