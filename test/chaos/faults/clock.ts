import type { Fault } from './fault.ts'

/** A jump that is over after a while, as when a time server is wrong. */
function jump(offset: string): Fault {
  return {
    name: `the clock jumps by ${offset}`,
    isSurvived: true,
    async strike({ broker }) {
      broker.setClock(offset)
      return () => broker.setClock('+0')
    },
  }
}

export const CLOCK_FAULTS: readonly Fault[] = ['+20y', '-20y', '+3d', '-3d'].map(jump)
