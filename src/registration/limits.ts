import { type Problem, problem } from '../shared/problem.ts'
import { BoundedLimiter } from './bounded-limiter.ts'
import type { Customers } from './customers.ts'
import type { VisitorAddress } from './visitor.ts'

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3600
const DAY_SECONDS = 24 * HOUR_SECONDS
/** Wrong keys that an address may send in a minute: enough for a typing mistake, too few to try keys. */
const WRONG_KEYS_PER_MINUTE = 20
/** Refused registrations and moves of an address in a minute: nobody corrects a form faster. */
const REFUSALS_PER_MINUTE = 60
/** Endpoint changes of one tunnel in an hour: addresses of providers change a few times a day at most. */
const MOVES_PER_HOUR = 60
/** Mails that a visitor may have sent in an hour, and that one tunnel's owner gets at others' wish. */
const MAILS_PER_HOUR = 5
/** Questions whether notices may come that one target gets in a day, whoever has named it: it may be a stranger's. */
const QUESTIONS_PER_DAY = 3
/** New keys of one tunnel in an hour, by each way to them. */
const NEW_KEYS_PER_HOUR = 10
/** Invitations that are none, of an address in a minute: enough for typing mistakes, too few to guess. */
const WRONG_INVITATIONS_PER_MINUTE = 10

/**
 * Counts how often a visitor may do what. Each is counted before the work is done, so that many requests at once are
 * counted too, and given back when the work turns out to cost nothing.
 */
export class VisitorLimits {
  readonly #wrongKeys = new BoundedLimiter({ points: WRONG_KEYS_PER_MINUTE, seconds: MINUTE_SECONDS })
  readonly #moves = new BoundedLimiter({ points: MOVES_PER_HOUR, seconds: HOUR_SECONDS })
  readonly #newKeys = new BoundedLimiter({ points: NEW_KEYS_PER_HOUR, seconds: HOUR_SECONDS })
  readonly #mails = new BoundedLimiter({ points: MAILS_PER_HOUR, seconds: HOUR_SECONDS })
  readonly #questions = new BoundedLimiter({ points: QUESTIONS_PER_DAY, seconds: DAY_SECONDS })
  readonly #wrongInvitations = new BoundedLimiter({
    points: WRONG_INVITATIONS_PER_MINUTE,
    seconds: MINUTE_SECONDS,
  })
  readonly #customers: Pick<Customers, 'keyOf' | 'networkOf'>
  #registrationsPerHour = 0
  #registrations: BoundedLimiter | undefined
  #refusals: BoundedLimiter | undefined

  constructor(registrationsPerHour: number, customers: Pick<Customers, 'keyOf' | 'networkOf'>) {
    this.#customers = customers
    this.setRegistrationsPerHour(registrationsPerHour)
  }

  /** 0: neither registrations nor refused ones are limited. Another number than before begins every visitor's hour anew. */
  setRegistrationsPerHour(count: number): void {
    if (count === this.#registrationsPerHour) return
    this.#registrationsPerHour = count
    const hour = { points: count, seconds: HOUR_SECONDS }
    const minute = { points: REFUSALS_PER_MINUTE, seconds: MINUTE_SECONDS }
    this.#registrations = count === 0 ? undefined : new BoundedLimiter(hour)
    this.#refusals = count === 0 ? undefined : (this.#refusals ?? new BoundedLimiter(minute))
  }

  /** Takes one of the visitor's registrations; a problem if none is left. No new tunnel brings new ones with it. */
  takeRegistration(visitor: VisitorAddress): Problem | undefined {
    const seconds = this.#registrations?.take(this.#customers.networkOf(visitor))
    return seconds === undefined ? undefined : problem('quota-exceeded', { seconds })
  }

  giveRegistrationBack(visitor: VisitorAddress): void {
    this.#registrations?.giveBack(this.#customers.networkOf(visitor))
  }

  takeMove(tunnelId: string): Problem | undefined {
    return tooMany('moves', this.#moves.take(tunnelId))
  }

  giveMoveBack(tunnelId: string): void {
    this.#moves.giveBack(tunnelId)
  }

  /** Counted by what is shown for it: who has the key does not keep its owner from a new one by mail or the tunnel itself. */
  takeNewKey(tunnelId: string, shown: 'key' | 'link' | 'address'): Problem | undefined {
    return tooMany('new-keys', this.#newKeys.take(`${tunnelId} ${shown}`))
  }

  /** Takes one of the refusals that a visitor may get: a check may cost an echo to somebody else. */
  takeRefusal(visitor: VisitorAddress): Problem | undefined {
    return tooMany('refusals', this.#refusals?.take(this.#customers.keyOf(visitor)))
  }

  giveRefusalBack(visitor: VisitorAddress): void {
    this.#refusals?.giveBack(this.#customers.keyOf(visitor))
  }

  /** Takes one of the mails that a visitor may ask for. */
  takeMail(visitor: VisitorAddress): Problem | undefined {
    return tooMany('mails', this.#mails.take(this.#customers.keyOf(visitor)))
  }

  /** Whether the owner of a tunnel may get one more mail that somebody asked for. */
  takeMailTo(tunnelId: string): boolean {
    return this.#mails.take(tunnelId) === undefined
  }

  /** Takes one of the questions that a visitor may have sent, and of those that a target may get. */
  takeQuestion(visitor: VisitorAddress, target: string): Problem | undefined {
    return this.takeMail(visitor) ?? tooMany('mails', this.#questions.take(target.toLowerCase()))
  }

  takeWrongInvitation(visitor: VisitorAddress): Problem | undefined {
    return tooMany('invitations', this.#wrongInvitations.take(this.#customers.keyOf(visitor)))
  }

  giveWrongInvitationBack(visitor: VisitorAddress): void {
    this.#wrongInvitations.giveBack(this.#customers.keyOf(visitor))
  }

  takeWrongKey(visitor: VisitorAddress): Problem | undefined {
    return tooMany('wrong-keys', this.#wrongKeys.take(this.#customers.keyOf(visitor)))
  }

  giveWrongKeyBack(visitor: VisitorAddress): void {
    this.#wrongKeys.giveBack(this.#customers.keyOf(visitor))
  }
}

function tooMany(
  what: 'invitations' | 'mails' | 'moves' | 'new-keys' | 'refusals' | 'wrong-keys',
  seconds: number | undefined,
): Problem | undefined {
  return seconds === undefined ? undefined : problem('too-many-requests', { case: what, seconds })
}
