/** A program of its own, run by FileCheck: looks through the database of its argument and prints the verdict as JSON. */
import { lookThrough } from './look-through.ts'

const [file = ''] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await lookThrough(file)))
