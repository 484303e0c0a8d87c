import { cpuSeconds } from './process-figures.ts'
import { askTcp, isRight } from './question.ts'
import type { RunningServer } from './running-server.ts'
import { questionMix } from './table.ts'

/** What connections for one question each came to. */
export interface SingleFigures {
  readonly completed: number
  /** Without an answer in time, or with a wrong one. */
  readonly failures: number
  readonly queriesASecond: number
  /** CPU microseconds of the server a connection. */
  readonly cpuMicroseconds: number
}

const CLIENTS = 8
const TIMEOUT_MS = 2000
const QUESTIONS = 10_000

/**
 * A connection for each question, 8 at a time, from this process: dnsperf waits between connections. Our client is the
 * limit here and not the server, so the CPU time is what to look at.
 */
export async function runSingleConnections(
  server: RunningServer,
  { tunnels, seconds }: { readonly tunnels: number; readonly seconds: number },
): Promise<SingleFigures> {
  const questions = questionMix(tunnels, QUESTIONS)
  const started = performance.now()
  const end = started + seconds * 1000
  const before = cpuSeconds(server.pid)
  let next = 0
  let failures = 0
  const client = async () => {
    while (performance.now() < end) {
      const question = questions[next++ % questions.length]
      if (question === undefined) return
      if (!isRight(question, await askTcp(server.port, question, TIMEOUT_MS))) failures++
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const cpu = cpuSeconds(server.pid) - before
  return {
    completed: next,
    failures,
    queriesASecond: next / ((performance.now() - started) / 1000),
    cpuMicroseconds: (cpu * 1e6) / next,
  }
}
