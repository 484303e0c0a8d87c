import { z } from 'zod'

const LONGEST = 254 // RFC 5321 4.5.3.1.3, less its brackets
const address = z.email().max(LONGEST)

/** Whether a text is one address, such as `alice@example.net`: no list, no name beside it, nothing quoted. */
export function isEmailAddress(text: string): boolean {
  return address.safeParse(text).success
}
