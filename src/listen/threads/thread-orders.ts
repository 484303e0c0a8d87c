import type { NameserverOptions } from '../../engine/nameserver.ts'
import type { RefusedTransfer } from '../../engine/refused-transfer.ts'
import type { SignedQuery } from '../../engine/transfer-times.ts'
import type { SentTransfer } from '../../engine/transfers.ts'
import type { BoundSocket } from '../udp/batch-socket.ts'

/** How long a quiet thread waits, in milliseconds, before it looks whether it should stop. */
export const PATIENCE_MS = 250

/** Everything an answering thread is given; all of it can be handed from thread to thread. */
export interface ThreadOrders {
  readonly engine: NameserverOptions
  readonly sockets: readonly BoundSocket[]
  /** Number of its slot among the table's readers. */
  readonly reader: number
  /** Whether somebody else answers on its sockets until it says that it does. */
  readonly isBesideAnother: boolean
  /** One word; not 0: stop. */
  readonly stop: SharedArrayBuffer
  /** See heartbeat.ts. */
  readonly heartbeat: SharedArrayBuffer
  readonly udpCounts: SharedArrayBuffer
  readonly engineCounts: SharedArrayBuffer
  /** See shared-durations.ts. */
  readonly durations: SharedArrayBuffer
  /** Directory of Node's compile cache; undefined: it is off. */
  readonly compileCache: string | undefined
}

/** What a thread says: that it answers now, or whom it has told over UDP what has changed in which zone. */
export type ThreadWord =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'told'
      readonly sent: readonly SentTransfer[]
      /** What those were signed with who have asked. */
      readonly signed: readonly SignedQuery[]
      /** Who was refused. */
      readonly refused: readonly RefusedTransfer[]
    }
