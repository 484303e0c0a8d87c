import { randomBytes, randomInt } from 'node:crypto'
import { CookieSecrets } from '../engine/cookie-secrets.ts'
import { SECRET_LENGTH } from '../wire/cookie.ts'

/** RFC 7873 7.1: a day by default, less up to 40 % by chance, so that nobody can tell when. */
const LONGEST_MS = 24 * 60 * 60 * 1000
const SHORTEST_MS = 0.6 * LONGEST_MS

/**
 * Gives server cookies a new secret about once a day. The one before stays until the next: longer than a cookie lasts
 * (RFC 9018 5). The secrets are kept nowhere else: a cookie from before a restart counts as none, and the answer to
 * its query brings a new one.
 */
export class CookieRollover {
  readonly secrets = new CookieSecrets()
  #timer: NodeJS.Timeout | undefined

  /** Makes the first secret, and one before it that no cookie was ever made with. */
  constructor() {
    this.#roll()
    this.#roll()
  }

  start(): void {
    this.#timer = setTimeout(
      () => {
        this.#roll()
        this.start()
      },
      randomInt(SHORTEST_MS, LONGEST_MS + 1),
    )
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #roll(): void {
    this.secrets.roll(randomBytes(SECRET_LENGTH))
  }
}
