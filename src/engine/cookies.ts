import { CLIENT_COOKIE_LENGTH, COOKIE_LENGTH, CookieHash, cookieAge, isOurKind } from '../wire/cookie.ts'
import { copyOctets } from '../wire/octets.ts'
import type { Client } from './client.ts'
import type { CookieSecrets } from './cookie-secrets.ts'
import type { Query } from './query.ts'

/** RFC 9018 4.3: cookies are taken for an hour, and up to five minutes before their time: clocks differ. */
const LIFETIME_S = 3600
const CLOCK_SKEW_S = 300
/** RFC 9018 4.3: a cookie older than half an hour is replaced. */
const RENEWAL_S = 1800

/** Judges the cookies of queries and makes those of replies. */
export class Cookies {
  /** Data of the COOKIE option that goes with the reply to the query that was judged last. */
  readonly reply = new Uint8Array(COOKIE_LENGTH)
  readonly #secrets: CookieSecrets
  readonly #hash = new CookieHash()

  constructor(secrets: CookieSecrets) {
    this.#secrets = secrets
  }

  /**
   * Does the query, which has a COOKIE option, show that its sender has heard from us at its address? Whether it does
   * or not, the reply's cookie is ready afterwards.
   */
  judge(query: Query, client: Client): boolean {
    const { message, edns } = query
    const epoch = this.#secrets.epoch
    const isTimely = this.#isTimely(query, client.seconds)
    const isCurrent = isTimely && this.#isOf(epoch, query, client)
    if (isCurrent && cookieAge(message, edns.cookieAt, client.seconds) <= RENEWAL_S) {
      copyOctets(message, edns.cookieAt, this.reply, 0, COOKIE_LENGTH) // RFC 7873 5.2.5 (a)
      return true
    }
    copyOctets(message, edns.cookieAt, this.reply, 0, CLIENT_COOKIE_LENGTH)
    this.#hash.complete(this.reply, this.#secrets.secret(epoch), client, client.seconds)
    return isCurrent || (isTimely && this.#isOf(epoch - 1, query, client))
  }

  #isTimely({ message, edns }: Query, seconds: number): boolean {
    if (!isOurKind(message, edns.cookieAt, edns.cookieLength)) return false
    const age = cookieAge(message, edns.cookieAt, seconds)
    return age <= LIFETIME_S && age >= -CLOCK_SKEW_S
  }

  #isOf(epoch: number, { message, edns }: Query, client: Client): boolean {
    if (client.length === 0) return false // where the address is not known, nothing is shown about it
    return this.#hash.isMadeWith(this.#secrets.secret(epoch), message, edns.cookieAt, client)
  }
}
