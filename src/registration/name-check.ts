/** What is demanded of a tunnel's name. */
import { type Problem, problem } from '../shared/problem.ts'
import { isLabel } from '../tunnel/label.ts'
import { isCountry } from './country.ts'
import { isReservedNicname } from './reserved-nicnames.ts'

const MAX_LABEL_LENGTH = 63 // RFC 1035 2.3.4
/** Kept for encodings of other alphabets (RFC 5891 4.2.3.1): a name that looks like another's is no use. */
const TAGGED = /^..--/

export function checkNicname(nicname: string): Problem | undefined {
  if (isReservedNicname(nicname)) return problem('nicname-reserved', { nicname })
  if (TAGGED.test(nicname)) return problem('nicname-syntax', { case: 'tagged', longest: MAX_LABEL_LENGTH })
  if (isLabel(nicname)) return undefined
  return problem('nicname-syntax', { case: 'malformed', longest: MAX_LABEL_LENGTH })
}

export function checkCountry(country: string): Problem | undefined {
  return isCountry(country) ? undefined : problem('country-unknown', { case: 'unknown' })
}
