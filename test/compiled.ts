import { join } from 'node:path'

/**
 * Where Node keeps code that it has read and compiled once, for NODE_COMPILE_CACHE: as the program itself does, its entry too. Hundreds of processes of a test run
 * start with the same code. Node compares what it has kept with the source.
 */
export const COMPILED = join(import.meta.dirname, '../node_modules/.cache/freenet6')
