/** One of the product's own, but that it fails after a while as long as the file is there that the engine's host name names. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'
import type { ThreadOrders } from '../../src/listen/threads/thread-orders.ts'

const LATE_MS = 1000

const { engine } = workerData as ThreadOrders
if (existsSync(engine.hostname)) {
  await sleep(LATE_MS)
  throw new Error('there is no memory for this thread')
}
await import('../../src/listen/threads/thread-entry.ts')
