import type { SecretTable } from './secret-table.ts'

/** How much longer than the TTL an index rests, in seconds: caches count from when they asked, clocks differ. */
const MARGIN = 30
/** It stands among the secrets, which outlast a start. */
const NAME = 'ttl of records'

/**
 * How long an index rests that was given back: for as long as caches may hold its old name. After a start with a shorter TTL
 * that is, for a while, the TTL before.
 */
export class RestLength {
  readonly #ttl: number
  /** Until when caches may hold a record with the TTL before, in seconds of the steady clock. */
  #formerUntil = 0

  /** `ttl` is that of the tunnels' records, in seconds. */
  constructor(ttl: number) {
    this.#ttl = ttl
  }

  /** Reads what the TTL was before, and notes what it is now. To be called once, at `now`. Throws as a commit rejects. */
  begin(secrets: Pick<SecretTable, 'get' | 'keep'>, now: number): void {
    const [ttl = 0, former = 0, formerUntil = 0] = (secrets.get(NAME) ?? '').split(' ').map(Number)
    // A clock that was set back makes no index rest for years.
    this.#formerUntil = Math.min(formerUntil, now + former)
    const isShorter = ttl > this.#ttl
    if (isShorter) this.#formerUntil = Math.max(this.#formerUntil, now + ttl)
    if (ttl === this.#ttl) return
    const longest = this.#formerUntil - now
    secrets.keep(NAME, [this.#ttl, Math.max(longest, 0), this.#formerUntil].join(' '))
  }

  /** When an index that is freed at `now` may be given out again, in seconds of the steady clock. */
  freeFrom(now: number): number {
    return Math.max(now + this.#ttl, this.#formerUntil) + MARGIN
  }
}
