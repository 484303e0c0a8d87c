/** Upper ends of the classes of round trips, in milliseconds; the last class has none. */
export const ROUND_TRIP_CLASSES = [5, 10, 20, 50, 100, 200, 500] as const

/** What the last monitor round has found, of all tunnels together. */
export interface LastRound {
  readonly answered: number
  readonly silent: number
  /** Tunnels by class of round trip; those that were heard without being timed are in none. */
  readonly roundTrips: readonly number[]
}

export function lastRoundOf(round: {
  readonly answered: ReadonlyMap<string, number>
  readonly silent: readonly string[]
}): LastRound {
  const roundTrips = new Array<number>(ROUND_TRIP_CLASSES.length + 1).fill(0)
  for (const ms of round.answered.values()) {
    if (ms <= 0) continue
    const found = ROUND_TRIP_CLASSES.findIndex(end => ms <= end)
    const at = found === -1 ? ROUND_TRIP_CLASSES.length : found
    roundTrips[at] = (roundTrips[at] ?? 0) + 1
  }
  return { answered: round.answered.size, silent: round.silent.length, roundTrips }
}
