import { setImmediate as nextTurn } from 'node:timers/promises'
import { formatPrefix, linkPrefixOf } from '../address/prefix.ts'
import type { Cursor, TableSlice, TunnelReader } from '../store/tunnel-reader.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'

/** Rows in a turn of the event loop. */
const SLICE = 1000
/** Who reads geofeeds comes once a day: a feed is given again for five minutes. */
const GOOD_FOR_MS = 300_000

/**
 * Which prefix is used in which country (RFC 8805): a line for each tunnel that is up, another one for what is routed to it,
 * and nothing more of it.
 */
export class Geofeed {
  readonly #table: Pick<TunnelReader, 'slice'>
  readonly #isCountry: (code: string) => boolean
  readonly #now: () => number
  #octets: Promise<Buffer> | undefined
  #goodUntil = Number.NEGATIVE_INFINITY

  /** `now`: milliseconds since some moment. */
  constructor(
    table: Pick<TunnelReader, 'slice'>,
    options: { readonly isCountry: (code: string) => boolean; readonly now?: () => number },
  ) {
    this.#table = table
    this.#isCountry = options.isCountry
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * The whole feed in UTF-8, as it was at most five minutes ago: a string would be encoded for each who asks. Rejects if
   * the table can't be read.
   */
  octets(): Promise<Buffer> {
    if (this.#octets !== undefined && this.#now() < this.#goodUntil) return this.#octets
    this.#goodUntil = this.#now() + GOOD_FOR_MS
    const made = this.#make()
    this.#octets = made
    made.catch(() => {
      if (this.#octets === made) this.#octets = undefined
    })
    return made
  }

  async #make(): Promise<Buffer> {
    const parts = ['# prefix,country,region,city,postal code (RFC 8805)\n']
    for (let from: Cursor | undefined; ; await nextTurn()) {
      const { rows, next }: TableSlice<Tunnel> = this.#table.slice(from, SLICE)
      parts.push(rows.map(tunnel => this.#lines(tunnel)).join(''))
      if (next === undefined) return Buffer.from(parts.join(''))
      from = next
    }
  }

  #lines({ unreachable, country, ipv6Client, routedPrefix }: Tunnel): string {
    if (unreachable === NEW || !this.#isCountry(country)) return ''
    const prefixes = [linkPrefixOf(ipv6Client), ...(routedPrefix === undefined ? [] : [routedPrefix])]
    return prefixes.map(prefix => `${formatPrefix(prefix)},${country.toUpperCase()},,,\n`).join('')
  }
}
