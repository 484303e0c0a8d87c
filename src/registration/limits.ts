import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { ProblemCode } from '../shared/problem.ts'
import { type Refused, refuse } from './refusal-error.ts'
import { limitKey, type VisitorAddress } from './visitor.ts'

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3600
/** Wrong keys that an address may send in a minute: enough for a typing mistake, too few to try keys. */
const WRONG_KEYS_PER_MINUTE = 20
/** Refused registrations and moves of an address in a minute: nobody corrects a form faster. */
const REFUSALS_PER_MINUTE = 60
/** Endpoint changes of one tunnel in an hour: addresses of providers change a few times a day at most. */
const MOVES_PER_HOUR = 60

/** Counts what a visitor may do only so often. */
export class VisitorLimits {
  readonly #wrongKeys = new RateLimiterMemory({ points: WRONG_KEYS_PER_MINUTE, duration: MINUTE_SECONDS })
  readonly #moves = new RateLimiterMemory({ points: MOVES_PER_HOUR, duration: HOUR_SECONDS })
  readonly #registrations: RateLimiterMemory | undefined
  readonly #refusals: RateLimiterMemory | undefined

  /** `registrationsPerHour` 0: neither registrations nor refused ones are limited. */
  constructor(registrationsPerHour: number) {
    if (registrationsPerHour === 0) return
    this.#registrations = new RateLimiterMemory({ points: registrationsPerHour, duration: HOUR_SECONDS })
    this.#refusals = new RateLimiterMemory({ points: REFUSALS_PER_MINUTE, duration: MINUTE_SECONDS })
  }

  /** Counts a registration that passed every check. Throws Refused over the limit. */
  async countRegistration(visitor: VisitorAddress): Promise<void> {
    await this.#registrations?.consume(limitKey(visitor)).catch(error => {
      throw tooMany('quota-exceeded', 'Your address has registered as often as it may in an hour.', error)
    })
  }

  /** Gives a counted registration back: it came to nothing, and not through the visitor. */
  async uncountRegistration(visitor: VisitorAddress): Promise<void> {
    await this.#registrations?.reward(limitKey(visitor))
  }

  /** Counts a change of a tunnel's endpoint. Throws Refused over the limit. */
  async countMove(tunnelId: string): Promise<void> {
    await this.#moves.consume(tunnelId).catch(error => {
      throw tooMany('too-many-requests', 'The tunnel has moved too often.', error)
    })
  }

  /** Refuses a visitor most of whose requests were refused: a check may cost an echo to somebody else. */
  async refusePesterers(visitor: VisitorAddress): Promise<void> {
    const state = await this.#refusals?.get(limitKey(visitor))
    if (state && state.remainingPoints <= 0)
      throw tooMany('too-many-requests', 'Too many of your requests had to be refused.', state)
  }

  async countRefusal(visitor: VisitorAddress): Promise<void> {
    await this.#refusals?.consume(limitKey(visitor)).catch(() => undefined)
  }

  /** Refuses a visitor who has sent too many wrong keys. */
  async refuseGuessers(visitor: VisitorAddress): Promise<void> {
    const state = await this.#wrongKeys.get(limitKey(visitor))
    if (state && state.remainingPoints <= 0)
      throw tooMany('too-many-requests', 'Too many wrong keys from your address.', state)
  }

  async countWrongKey(visitor: VisitorAddress): Promise<void> {
    await this.#wrongKeys.consume(limitKey(visitor)).catch(() => undefined)
  }
}

/** The refusal, with Retry-After (RFC 9110 10.2.3). */
function tooMany(code: ProblemCode, sentence: string, state: unknown): Refused {
  if (!(state instanceof RateLimiterRes)) throw state
  const seconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000))
  const when = seconds < 2 * MINUTE_SECONDS ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`
  return refuse(code, `${sentence} Try again in ${when}.`, { 'retry-after': String(seconds) })
}
