/** A thread that asks our nameserver at a pace and says how long the answers took: `DnsLatency` starts it. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { BlockingAsker } from '../blocking-asker.ts'
import { isRight, type Question } from '../question.ts'
import { percentile } from '../statistics.ts'

const PACE_MS = 2
const TIMEOUT_MS = 1000

/** Milliseconds. */
export interface LatencyFigures {
  readonly answers: number
  readonly lost: number
  readonly p50: number
  readonly p99: number
}

interface Asked {
  readonly port: number
  readonly question: Question
  /** Set to 1 to end it. */
  readonly stop: Int32Array
}

/** Measures answers' times for as long as other work goes on. */
export async function whileAsking<T>(
  { port, question }: Pick<Asked, 'port' | 'question'>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly dns: LatencyFigures }> {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, question, stop } })
  const said = once(worker, 'message')
  const result = await work()
  Atomics.store(stop, 0, 1)
  const [dns] = (await said) as [LatencyFigures]
  return { result, dns }
}

if (!isMainThread) parentPort?.postMessage(askUntilStopped(workerData as Asked))

function askUntilStopped({ port, question, stop }: Asked): LatencyFigures {
  using asker = new BlockingAsker('udp', port, TIMEOUT_MS)
  const times: number[] = []
  let lost = 0
  while (Atomics.wait(stop, 0, 0, PACE_MS) === 'timed-out') {
    const { reply, milliseconds } = asker.ask(question)
    if (reply !== undefined && isRight(question, reply)) times.push(milliseconds)
    else lost++
  }
  return { answers: times.length, lost, p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}
