import { COUNTRY_CODES } from '../shared/country-codes.ts'

export interface Country {
  readonly code: string
  readonly name: string
}

/** What was asked for, by language: two milliseconds' work. */
const known = new Map<string, readonly Country[]>()

/** Every country a tunnel can be registered in, by English name. */
export const COUNTRIES: readonly Country[] = countriesIn('en')

const KNOWN = new Set(COUNTRIES.map(country => country.code))

export function isCountry(code: string): boolean {
  return KNOWN.has(code)
}

/** The same in another language that there is, `tag` as in BCP 47, in its order. */
export function countriesIn(tag: string): readonly Country[] {
  const there = known.get(tag)
  if (there !== undefined) return there
  const names = new Intl.DisplayNames([tag], { type: 'region' })
  const { compare } = new Intl.Collator(tag)
  const countries = COUNTRY_CODES.map(code => ({ code, name: names.of(code.toUpperCase()) ?? code })).sort(
    (a, b) => compare(a.name, b.name),
  )
  known.set(tag, countries)
  return countries
}
