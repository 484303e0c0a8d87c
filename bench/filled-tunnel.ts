import { COUNTRIES } from '../src/registration/country.ts'

const CODES = COUNTRIES.map(country => country.code).sort()

/** The nicname of the tunnel that `fill` makes as number `index`, from 0. */
export function nicnameOfTunnel(index: number): string {
  return `h${index}`
}

/** Its country: all in turn, in the order of their codes. */
export function countryOfTunnel(index: number): string {
  return CODES[index % CODES.length] ?? 'ca'
}
