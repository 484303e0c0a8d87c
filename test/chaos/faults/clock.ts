import type { Fault } from './fault.ts'

const DAY = 86_400
const YEAR = 365 * DAY

/** A jump that is over after a while, as when a time server is wrong. */
function jump(says: string, seconds: number): Fault {
  return {
    name: `the clock jumps ${says}`,
    isSurvived: true,
    async strike({ broker }) {
      broker.setClock(seconds)
      return () => broker.setClock(0)
    },
  }
}

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('twenty years ahead', 20 * YEAR),
  jump('twenty years back', -20 * YEAR),
  jump('three days ahead', 3 * DAY),
  jump('three days back', -3 * DAY),
]
