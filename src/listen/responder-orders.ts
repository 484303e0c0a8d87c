import type { NameserverOptions } from '../engine/nameserver.ts'
import type { ResponderSocket } from './responder.ts'

/** How long a quiet responder waits, in milliseconds, before it looks whether it should stop. */
export const PATIENCE_MS = 250

/** Everything a responder thread is given; all of it can be handed from thread to thread. */
export interface ResponderOrders {
  readonly engine: NameserverOptions
  readonly sockets: readonly ResponderSocket[]
  /** Number of its slot among the table's readers. */
  readonly reader: number
  /** One word; not 0: stop. */
  readonly stop: SharedArrayBuffer
  readonly udpCounts: SharedArrayBuffer
  readonly engineCounts: SharedArrayBuffer
  /** Directory of Node's compile cache; undefined: it is off. */
  readonly compileCache: string | undefined
}
