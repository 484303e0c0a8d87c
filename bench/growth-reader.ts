/** Looks one name up as fast as it can, as an answering thread does, and tells its longest pause when it is asked. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { TYPE } from '../src/wire/codes.ts'
import { parseName } from '../src/wire/name.ts'
import { Lookup, OUTCOME } from '../src/zone/lookup.ts'
import { ReaderSlot } from '../src/zone/reader-slot.ts'
import type { ReadingSpell } from './growth-child.ts'

const LONG_PAUSE_MS = 5
const BATCH = 64

const lookup = new Lookup(workerData as SharedArrayBuffer)
const slot = new ReaderSlot(workerData as SharedArrayBuffer, 0)
const name = parseName('steady.example.') ?? new Uint8Array(1)
let reads = 0
let longestMs = 0
let longPauses = 0
let before = performance.now()

parentPort?.postMessage('ready')
for (;;) {
  slot.enter()
  for (let i = 0; i < BATCH; i++) {
    lookup.reader.refresh()
    if (lookup.step(name, 0, TYPE.A) !== OUTCOME.ANSWER) throw new Error('the name is gone')
  }
  slot.leave()
  reads += BATCH
  const now = performance.now()
  longestMs = Math.max(longestMs, now - before)
  if (now - before > LONG_PAUSE_MS) longPauses++
  before = now
  if (parentPort !== null && receiveMessageOnPort(parentPort) !== undefined) tell()
}

/** And begins anew. */
function tell(): void {
  const spell: ReadingSpell = { reads, longestMs, longPauses }
  parentPort?.postMessage(spell)
  reads = 0
  longestMs = 0
  longPauses = 0
  before = performance.now()
}
