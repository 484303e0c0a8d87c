/** A thread that appends steps without a pause, until the memory's first word behind it says so. */
import { parentPort, workerData } from 'node:worker_threads'
import { RecentSteps } from '../../src/zone/recent-steps.ts'
import { stepOf } from './step-of.ts'

const { buffer, stop } = workerData as {
  readonly buffer: SharedArrayBuffer
  readonly stop: SharedArrayBuffer
}
const recent = new RecentSteps(buffer)
const stopped = new Int32Array(stop)
const latest = new Int32Array(stop, 4)

parentPort?.postMessage('begun')
for (let serial = 1; Atomics.load(stopped, 0) === 0; serial++) {
  recent.append(Uint8Array.of(1, 0x61, 0), stepOf(serial))
  Atomics.store(latest, 0, serial + 1)
}
