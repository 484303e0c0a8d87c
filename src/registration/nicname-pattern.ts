const ANY = '*'

/** Whether a nicname, in lower case, is what a pattern says: itself, with `*` for any letters, digits and hyphens. */
export function matchesPattern(pattern: string, nicname: string): boolean {
  let [at, patternAt] = [0, 0]
  let [star, resumeAt] = [-1, 0]
  // Goes back to the last `*` alone: the time is that of the two lengths multiplied, whatever the pattern.
  while (at < nicname.length) {
    if (pattern[patternAt] === ANY) {
      star = patternAt++
      resumeAt = at
    } else if (pattern[patternAt] === nicname[at]) {
      at++
      patternAt++
    } else if (star >= 0) {
      patternAt = star + 1
      at = ++resumeAt
    } else return false
  }
  while (pattern[patternAt] === ANY) patternAt++
  return patternAt === pattern.length
}
