/** The wall clock in whole UTC seconds, as the database, cookies and TSIG count time. */
export function utcSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
