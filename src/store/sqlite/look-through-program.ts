/** A program of its own, run by checkFile: looks through the database of its argument and prints the verdict as JSON. */
import { lookThrough } from './look-through.ts'

const [file = '', depth] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await lookThrough(file, { isWhole: depth === 'whole' })))
