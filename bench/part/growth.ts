import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { allCores } from '../cores.ts'

/** The longest pauses of a thread that reads the table while it grows, and while it does not; milliseconds. */
export interface GrowthFigures {
  readonly names: number
  readonly megabytes: number
  readonly reads: number
  readonly longestQuiet: number
  readonly longestGrowing: number
  /** Pauses of more than 5 ms while it grew. */
  readonly longPauses: number
}

const CHILD = join(import.meta.dirname, '..', 'growth-child.ts')

/** Measured in a process that may use every core: this one is bound to the generator's. */
export function measureGrowth(): GrowthFigures {
  const output = execFileSync('taskset', ['-c', allCores(), process.execPath, CHILD], { encoding: 'utf8' })
  return JSON.parse(output) as GrowthFigures
}
