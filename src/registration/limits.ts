import { type Problem, problem } from '../shared/problem.ts'
import { BoundedLimiter } from './bounded-limiter.ts'
import { limitKey, type VisitorAddress } from './visitor.ts'

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3600
/** Wrong keys that an address may send in a minute: enough for a typing mistake, too few to try keys. */
const WRONG_KEYS_PER_MINUTE = 20
/** Refused registrations and moves of an address in a minute: nobody corrects a form faster. */
const REFUSALS_PER_MINUTE = 60
/** Endpoint changes of one tunnel in an hour: addresses of providers change a few times a day at most. */
const MOVES_PER_HOUR = 60
/** New keys of one tunnel in an hour. */
const NEW_KEYS_PER_HOUR = 10

/**
 * Counts how often a visitor may do what. Each is counted before the work is done, so that many requests at once are
 * counted too, and given back when the work turns out to cost nothing.
 */
export class VisitorLimits {
  readonly #wrongKeys = new BoundedLimiter({ points: WRONG_KEYS_PER_MINUTE, seconds: MINUTE_SECONDS })
  readonly #moves = new BoundedLimiter({ points: MOVES_PER_HOUR, seconds: HOUR_SECONDS })
  readonly #newKeys = new BoundedLimiter({ points: NEW_KEYS_PER_HOUR, seconds: HOUR_SECONDS })
  readonly #registrations: BoundedLimiter | undefined
  readonly #refusals: BoundedLimiter | undefined

  /** `registrationsPerHour` 0: neither registrations nor refused ones are limited. */
  constructor(registrationsPerHour: number) {
    if (registrationsPerHour === 0) return
    this.#registrations = new BoundedLimiter({ points: registrationsPerHour, seconds: HOUR_SECONDS })
    this.#refusals = new BoundedLimiter({ points: REFUSALS_PER_MINUTE, seconds: MINUTE_SECONDS })
  }

  /** Takes one of the visitor's registrations; a problem if none is left. */
  async takeRegistration(visitor: VisitorAddress): Promise<Problem | undefined> {
    const seconds = this.#registrations?.take(limitKey(visitor))
    return seconds === undefined ? undefined : problem('quota-exceeded', { seconds })
  }

  async giveRegistrationBack(visitor: VisitorAddress): Promise<void> {
    this.#registrations?.giveBack(limitKey(visitor))
  }

  async takeMove(tunnelId: string): Promise<Problem | undefined> {
    return tooMany('moves', this.#moves.take(tunnelId))
  }

  async giveMoveBack(tunnelId: string): Promise<void> {
    this.#moves.giveBack(tunnelId)
  }

  async takeNewKey(tunnelId: string): Promise<Problem | undefined> {
    return tooMany('new-keys', await this.#newKeys.take(tunnelId))
  }

  /** Takes one of the refusals that a visitor may get: a check may cost an echo to somebody else. */
  async takeRefusal(visitor: VisitorAddress): Promise<Problem | undefined> {
    return tooMany('refusals', this.#refusals?.take(limitKey(visitor)))
  }

  async giveRefusalBack(visitor: VisitorAddress): Promise<void> {
    this.#refusals?.giveBack(limitKey(visitor))
  }

  async takeWrongKey(visitor: VisitorAddress): Promise<Problem | undefined> {
    return tooMany('wrong-keys', this.#wrongKeys.take(limitKey(visitor)))
  }

  async giveWrongKeyBack(visitor: VisitorAddress): Promise<void> {
    this.#wrongKeys.giveBack(limitKey(visitor))
  }
}

function tooMany(
  what: 'moves' | 'new-keys' | 'refusals' | 'wrong-keys',
  seconds: number | undefined,
): Problem | undefined {
  return seconds === undefined ? undefined : problem('too-many-requests', { case: what, seconds })
}
