/** Folds A–Z alone, as DNS does (RFC 4343 3): no other letter, such as the Kelvin sign, becomes one of ours. */
export function lowerCaseAscii(text: string): string {
  return text.replace(/[A-Z]+/g, letters => letters.toLowerCase())
}
