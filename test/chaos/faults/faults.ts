import type { Dice } from '../../peers/random/dice.ts'
import { CLOCK_FAULTS } from './clock.ts'
import type { Fault } from './fault.ts'
import { LINK_FAULTS } from './link.ts'
import { PROCESS_FAULTS } from './process.ts'
import { STORAGE_FAULTS } from './storage.ts'
import { TOOL_FAULTS } from './tool.ts'

const ROOMS = [PROCESS_FAULTS, STORAGE_FAULTS, CLOCK_FAULTS, TOOL_FAULTS, LINK_FAULTS]

/** So many faults in an order of the dice, all of them before any comes again. */
export function faultsOf(count: number, dice: Dice): readonly Fault[] {
  const all = ROOMS.flat()
  return Array.from({ length: Math.ceil(count / all.length) }, () => dice.shuffled(all))
    .flat()
    .slice(0, count)
}
