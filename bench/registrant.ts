import { formatIpv4 } from '../src/address/ipv4.ts'
import { ORIGIN } from './table.ts'

const FIRST_ENDPOINT = 0x28000000 // 40.0.0.0: fill gives out those from 1.0.0.0 on
const COUNTRY = 'nl'

/** Somebody who registers, different from all others. */
export interface Registrant {
  readonly ipv4: string
  readonly nicname: string
  readonly country: string
  readonly os: string
  /** The name that the tunnel will have. */
  readonly name: string
}

/** Registrants without end; `prefix` keeps two series apart, and `series` their addresses. */
export class Registrants {
  readonly #prefix: string
  #next: number

  constructor(prefix: string, series: number) {
    this.#prefix = prefix
    this.#next = series * 2 ** 22
  }

  next(): Registrant {
    const index = this.#next++
    const nicname = `${this.#prefix}${index}`
    return {
      ipv4: formatIpv4(FIRST_ENDPOINT + index),
      nicname,
      country: COUNTRY,
      os: 'linux',
      name: `${nicname}.${COUNTRY}.${ORIGIN}`,
    }
  }
}

/** The fields of the form, without what is ours. */
export function formOf({ ipv4, nicname, country, os }: Registrant): object {
  return { ipv4, nicname, country, os }
}
