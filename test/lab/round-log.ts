/** What a round of the monitor counted, as the broker's log tells at level debug. */
export interface Round {
  /** When it ended, in milliseconds since 1970. */
  readonly time: number
  readonly outcome: string
  readonly targets: number
  readonly answered: number
  readonly silent: number
  readonly unknown: number
  readonly removed: number
}

const ROUND = /^\{.*"msg":"monitor round"\}$/gm

/** The rounds in a part of the broker's log, which is written at level debug. */
export function roundsIn(log: string): readonly Round[] {
  return Array.from(log.matchAll(ROUND), ([line]) => JSON.parse(line))
}
