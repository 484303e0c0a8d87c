import { randomBytes, randomInt } from 'node:crypto'
import { CookieSecrets } from '../engine/cookie-secrets.ts'
import { SECRET_LENGTH } from '../wire/cookie.ts'

/** RFC 7873 7.1: a day by default, less up to 40 % by chance, so that nobody can tell when. */
const LONGEST_MS = 24 * 60 * 60 * 1000
const SHORTEST_MS = 0.6 * LONGEST_MS

/**
 * Gives server cookies a new secret about once a day. The one before stays until the next: longer than a cookie lasts
 * (RFC 9018 5). A process that takes over is given them. They are kept nowhere else: a cookie from before any other start
 * counts as none, and the answer to its query brings a new one.
 */
export class CookieRollover {
  readonly secrets = new CookieSecrets()
  #timer: NodeJS.Timeout | undefined

  /** `kept`: those of the process before; else makes the first, and one before it that no cookie was ever made with. */
  constructor(kept: readonly Uint8Array[] = []) {
    const isKept = kept.length === 2 && kept.every(({ length }) => length === SECRET_LENGTH)
    const first = isKept ? kept : [randomBytes(SECRET_LENGTH), randomBytes(SECRET_LENGTH)]
    for (const secret of first) this.secrets.roll(secret)
  }

  /** The secret before and the present one. */
  get kept(): readonly Uint8Array[] {
    const { epoch } = this.secrets
    return [this.secrets.secret(epoch - 1), this.secrets.secret(epoch)]
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
