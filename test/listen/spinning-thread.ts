/**
 * A thread that spins on the table in its first life, and in the next is one of the product's own. The file that the
 * engine's host name names is there once it has spun.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadOrders } from '../../src/listen/threads/thread-orders.ts'
import { ReaderSlot } from '../../src/zone/reader-slot.ts'

const { engine, reader } = workerData as ThreadOrders
if (existsSync(engine.hostname)) await import('../../src/listen/threads/thread-entry.ts')
else {
  writeFileSync(engine.hostname, '')
  new ReaderSlot(engine.catalog.buffer, reader).enter()
  parentPort?.postMessage({ kind: 'ready' })
  for (;;);
}
