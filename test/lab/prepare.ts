/** Before all suites: builds the lab's kernel if it is not built, which takes longer than a suite may. */
import { missingGuest } from './kernel.ts'

const missing = await missingGuest()
if (missing !== undefined) process.stderr.write(`The lab will be skipped: ${missing}\n`)
