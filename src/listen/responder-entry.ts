/** What a responder thread runs first: what Node has compiled is read from where the main thread keeps it. */
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { ResponderOrders } from './responder-orders.ts'

const { compileCache } = workerData as ResponderOrders
if (compileCache !== undefined) enableCompileCache(compileCache)
await import('./responder-thread.ts')
