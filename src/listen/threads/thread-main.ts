/** What an answering thread runs: its own engine and sockets, over the table that all threads share. */
import { parentPort, workerData } from 'node:worker_threads'
import { Nameserver } from '../../engine/nameserver.ts'
import type { RefusedTransfer } from '../../engine/refused-transfer.ts'
import type { SignedQuery } from '../../engine/transfer-times.ts'
import type { SentTransfer } from '../../engine/transfers.ts'
import { ReaderSlot } from '../../zone/reader-slot.ts'
import { loadLibc } from '../libc.ts'
import { BatchLoop } from '../udp/batch-loop.ts'
import { Heartbeat } from './heartbeat.ts'
import { Presence } from './presence.ts'
import { Rehearsal } from './rehearsal.ts'
import { SharedCounts } from './shared-counts.ts'
import { SharedDurations } from './shared-durations.ts'
import { PATIENCE_MS, type ThreadOrders, type ThreadWord } from './thread-orders.ts'
import { takePrecedence } from './thread-precedence.ts'

/** Counts are published this often; more would cost more than they tell. */
const COUNTS_INTERVAL_MS = 100
/** Queries for differences that are told of in that time; a flood of them is no news. */
const MOST_TOLD = 100
/**
 * The shortest slice that Linux gives, so that an answer does not wait for that of whoever has the core, be it our own
 * web; and three quarters of a core that something else wants too, such as a table that is loaded or compared.
 */
const PRECEDENCE = { slice: 100_000n, levels: 5 }

const orders = workerData as ThreadOrders
const libc = await loadLibc()
if (libc === undefined) throw new Error('libc can not be called from this thread')
const nameserver = new Nameserver(orders.engine)
let sent: SentTransfer[] = []
let signed: SignedQuery[] = []
let refused: RefusedTransfer[] = []
nameserver.onSent = transfer => {
  if (sent.length < MOST_TOLD) sent.push(transfer)
}
nameserver.onSigned = query => {
  if (signed.length < MOST_TOLD) signed.push(query)
}
nameserver.onRefused = refusal => {
  if (refused.length < MOST_TOLD) refused.push(refusal)
}
const loop = new BatchLoop({
  libc,
  sockets: orders.sockets,
  respond: (query, length, reply, client) => nameserver.respond(query, length, reply, client),
  presence: new Presence(new ReaderSlot(orders.engine.catalog.buffer, orders.reader)),
  durations: new SharedDurations(orders.durations).of(orders.reader),
})
const stop = new Int32Array(orders.stop)
const heartbeat = new Heartbeat(orders.heartbeat)
const udpCounts = new SharedCounts(loop.counts, orders.udpCounts)
const engineCounts = new SharedCounts(nameserver.counts, orders.engineCounts)
let published = 0

function publishCounts(): void {
  udpCounts.publish(loop.counts)
  engineCounts.publish(nameserver.counts)
  if (sent.length + signed.length + refused.length === 0) return
  say({ kind: 'told', sent, signed, refused })
  sent = []
  signed = []
  refused = []
}

function say(word: ThreadWord): void {
  parentPort?.postMessage(word)
}

function isStopped(): boolean {
  heartbeat.beat()
  const now = Date.now()
  if (now - published >= COUNTS_INTERVAL_MS) {
    published = now
    publishCounts()
  }
  return Atomics.load(stop, 0) !== 0
}

if (orders.isBesideAnother) {
  const rehearsal = new Rehearsal(libc, orders.engine)
  while (!rehearsal.isOver && !isStopped()) rehearsal.goOn()
}
takePrecedence(libc, PRECEDENCE)
say({ kind: 'ready' })
loop.run(isStopped, PATIENCE_MS)
publishCounts()
