#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// What Node has compiled is kept with the packages, and a start takes half as long; if it can't be written, it is not.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'freenet6'))

const args = process.argv.slice(2)
// Not among the imports above: those are compiled before the cache is on, at every start.
if (namesServe(args)) (await import('./early-signals.ts')).holdSignals()
const { main } = await import('./program.ts')
process.exitCode = await main(args)

/** Whether the command is `serve`: the common options may stand before it. */
function namesServe([first = '', ...others]: readonly string[]): boolean {
  if (first === '--config') return namesServe(others.slice(1))
  return first.startsWith('--') ? namesServe(others) : first === 'serve'
}
