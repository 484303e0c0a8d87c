import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlClient } from '../../src/operator/control-client.ts'
import { runLatencies, udpLoad } from '../generator.ts'
import { memoryBytes } from '../process-figures.ts'
import type { RunningServer } from '../running-server.ts'
import { SlowSecondary } from '../slow-secondary.ts'
import { percentile } from '../statistics.ts'
import type { Table } from '../table.ts'
import { Churn } from './churn.ts'

/** Answers and memory while tunnels come and go, without secondaries and with some that hardly read. */
export interface SecondariesFigures {
  readonly without: BesideFigures
  readonly with: BesideFigures
  /** Transfers that they asked for, all together. */
  readonly asked: number
  /** Octets that the slow ones have read. */
  readonly octets: number
}

interface BesideFigures {
  readonly answers: number
  readonly p50: number
  readonly p99: number
  readonly changesASecond: number
  /** The most that there was in memory. */
  readonly memory: number
}

/** Questions a second: what is measured is how long they wait, not how many there can be. */
export const QUESTIONS_A_SECOND = 2000
/** Each of these lasts so many times a measurement's length: a p99 wants many, and memory wants time to grow. */
const SUSTAINED = 10
const WARM_UP_MS = 3000
const MEMORY_PAUSE_MS = 500
/** Two of each: as many transfers as the server lets one address have, from two addresses. */
const SLOW = [
  { address: '127.0.0.2', isStalled: false },
  { address: '127.0.0.2', isStalled: false },
  { address: '127.0.0.3', isStalled: true },
  { address: '127.0.0.3', isStalled: true },
]

/** Measures one beside the other, under the same changes. */
export async function measureSecondaries(
  server: RunningServer,
  { table, seconds, core }: { readonly table: Table; readonly seconds: number; readonly core: string },
): Promise<SecondariesFigures> {
  await server.printed(/^ready /m) // the control socket is there
  await server.settle()
  const stop = new AbortController()
  using client = await ControlClient.connect(join(table.directory, 'data', 'control.sock'))
  const churn = new Churn(client)
  const churned = churn.run(stop.signal)
  const measure = () => measureBeside(server, churn, { table, seconds: seconds * SUSTAINED, core })
  await sleep(WARM_UP_MS)
  const without = await measure()
  const secondaries = SLOW.map(how => new SlowSecondary(server.port, how))
  try {
    return {
      without,
      with: await measure(),
      asked: secondaries.reduce((sum, { asked }) => sum + asked, 0),
      octets: secondaries.reduce((sum, { octets }) => sum + octets, 0),
    }
  } finally {
    for (const secondary of secondaries) secondary[Symbol.dispose]()
    stop.abort()
    await churned
  }
}

async function measureBeside(
  server: RunningServer,
  churn: Churn,
  { table, seconds, core }: { readonly table: Table; readonly seconds: number; readonly core: string },
): Promise<BesideFigures> {
  const before = churn.changes
  const started = performance.now()
  let memory = 0
  const look = setInterval(() => {
    memory = Math.max(memory, memoryBytes(server.pid))
  }, MEMORY_PAUSE_MS)
  try {
    const load = { ...udpLoad(table.questions, seconds, core), rate: QUESTIONS_A_SECOND }
    const latencies = await runLatencies(server, load)
    return {
      answers: latencies.length,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      changesASecond: (churn.changes - before) / ((performance.now() - started) / 1000),
      memory,
    }
  } finally {
    clearInterval(look)
  }
}
