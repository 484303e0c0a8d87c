import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Table } from '../table.ts'

/** What a million calls of `respond` leave on the heap. */
export interface HeapFigures {
  readonly queries: number
  /** Growth of V8's heap over all of them: with no collection on the way, all that they allocated. */
  readonly heapBytes: number
  readonly arrayBufferBytes: number
  /** Garbage collections on the way. */
  readonly collections: number
  /** A query, in one loop without sockets. */
  readonly microseconds: number
  /** Of the live table, for all its tunnels. */
  readonly tableBytes: number
  /** Where the sampling profiler saw the most memory allocated, over another million. */
  readonly sites: readonly HeapSite[]
}

export interface HeapSite {
  readonly place: string
  readonly bytes: number
}

const CHILD = join(import.meta.dirname, '..', 'heap-child.ts')
/** Megabytes: a megabyte or two a million queries would be seen, and nothing is collected before. */
const YOUNG_GENERATION = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']

/** Runs the loop in a process of its own. */
export function measureHeap(table: Table): HeapFigures {
  const args = [...YOUNG_GENERATION, CHILD, table.config, String(table.tunnels)]
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(output) as HeapFigures
}
