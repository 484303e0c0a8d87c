/** Run with few file descriptors by the test beside it: starts children while there are none left, and when some are. */
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChildFault, runChild } from '../../src/shared/child.ts'
import { LastingChild } from '../../src/shared/lasting-child.ts'

const DEADLINE_MS = 200

process.on('uncaughtException', error => console.log(`uncaught: ${error.message}`))
await runChild('true', [], {}) // what a first start opens for good is open
const held: number[] = []
try {
  while (held.length < 1000) held.push(openSync('/dev/null', 'r'))
} catch {
  // none is left
}
const { promise, resolve } = Promise.withResolvers<string>()
const args = ['-c', 'echo heard; exec sleep 60']
const lasting = new LastingChild({ command: 'sh', args, heard: resolve, restarted: () => undefined })
const ended = await runChild('true', [], { deadlineMs: DEADLINE_MS }).catch((error: unknown) => error)
console.log(ended instanceof ChildFault ? 'refused' : 'not refused')
await sleep(2 * DEADLINE_MS)
for (const file of held) closeSync(file)
const keepAlive = setInterval(() => undefined, 1000) // the restart holds no process
console.log(await promise)
clearInterval(keepAlive)
lasting.stop()
