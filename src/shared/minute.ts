/** UTC seconds to the minute, for people, as `2026-11-29 02:15`; empty if they are not known. */
export function minuteOf(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  return new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 16)
}
