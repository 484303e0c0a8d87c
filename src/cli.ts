#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// What Node has compiled is kept with the packages, and a start takes half as long; where it can't be written, it is not.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'freenet6'))

// Not among the imports above: those are compiled before the cache is on, at every start.
const { main } = await import('./program.ts')
process.exitCode = await main(process.argv.slice(2))
