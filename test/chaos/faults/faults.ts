import type { Dice } from '../../peers/random/dice.ts'
import { CLOCK_FAULTS } from './clock.ts'
import type { Fault } from './fault.ts'
import { LINK_FAULTS } from './link.ts'
import { PROCESS_FAULTS } from './process.ts'
import { STORAGE_FAULTS } from './storage.ts'
import { TOOL_FAULTS } from './tool.ts'

const ROOMS = [PROCESS_FAULTS, STORAGE_FAULTS, CLOCK_FAULTS, TOOL_FAULTS, LINK_FAULTS]

/** A number of faults in an order of the dice, all that match before any comes again. */
export function faultsOf(
  count: number,
  { dice, match }: { readonly dice: Dice; readonly match: RegExp },
): readonly Fault[] {
  const all = ROOMS.flat().filter(({ name }) => match.test(name))
  return Array.from({ length: Math.ceil(count / all.length) }, () => dice.shuffled(all))
    .flat()
    .slice(0, count)
}
