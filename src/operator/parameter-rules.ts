import { z } from 'zod'
import { parsePrefix } from '../address/prefix.ts'
import { isCountry } from '../registration/country.ts'
import { parseName } from '../wire/name.ts'

/*
 * What parameters of commands may be. They come as text from the command line, and from other programs on the socket; what
 * can't be meant is a mistake of whoever asks, and no empty answer.
 */

/** Digits alone: no sign, no exponent, no hexadecimal, and not nothing. */
const DIGITS = /^\d{1,10}$/

/** A whole number; programs on the socket may give it as one. */
export function wholeNumber(least: number, most: number) {
  return z
    .union([z.number(), z.string()])
    .refine(given => DIGITS.test(`${given}`) && Number(given) >= least && Number(given) <= most, {
      error: `a whole number from ${least} to ${most}, in digits`,
    })
    .transform(Number)
}

/** A name as master files have it, with or without its final dot. */
export const domainName = z
  .string()
  .refine(text => parseName(text) !== undefined, { error: 'a domain name, such as example.net' })

/** In any case. */
export const countryCode = z
  .string()
  .refine(text => isCountry(text.toLowerCase()), { error: 'a two-letter code of ISO 3166-1, such as ca' })

/** A name, or any part of one. Its final dot, which no listed name has, is left out. */
export const namePart = z
  .string()
  .regex(/^[a-z0-9_.-]+$/i, { error: 'a part of a name: letters a to z, digits, hyphens and dots' })
  .transform(text => (text.length > 1 ? text.replace(/\.$/, '') : text))

export const addressOrPrefix = z.string().refine(text => parsePrefix(text) !== undefined, {
  error: 'an IPv4 or IPv6 address, or a prefix without host bits, such as 198.51.100.0/24',
})
