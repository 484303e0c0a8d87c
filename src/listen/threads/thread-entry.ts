/** What an answering thread runs first: what Node has compiled is read from where the main thread keeps it. */
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { ThreadOrders } from './thread-orders.ts'

const { compileCache } = workerData as ThreadOrders
if (compileCache !== undefined) enableCompileCache(compileCache)
await import('./thread-main.ts')
