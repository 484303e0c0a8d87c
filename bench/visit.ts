import type { Contender, Setting } from './contender.ts'
import { type Load, type LoadFigures, pipelinedTcpLoad, runLatencies, runLoad, udpLoad } from './generator.ts'
import type { Part } from './options.ts'
import { memoryBytes, peakBytes } from './process-figures.ts'
import type { RunningServer } from './running-server.ts'
import { runSingleConnections, type SingleFigures } from './single-connections.ts'
import { percentile } from './statistics.ts'

/** One turn of one server: started, measured, stopped. What was not asked for is undefined. */
export interface Visit {
  readonly server: string
  readonly tunnels: number
  readonly threads: number
  readonly command: string
  readonly startMs: number
  /** PSS of all its processes, after the load. */
  readonly memory: number
  readonly peak: number
  readonly udp?: LoadFigures
  readonly latency?: Latency
  readonly tcpPipelined?: LoadFigures
  readonly tcpSingle?: SingleFigures
}

export interface Latency {
  /** Questions a second. */
  readonly rate: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const WARM_UP_SECONDS = 2
const HALF = 0.5

/** Starts the server, measures what the parts ask for, and stops it. */
export async function visit(
  contender: Contender,
  setting: Setting,
  { parts, seconds }: { readonly parts: ReadonlySet<Part>; readonly seconds: number },
): Promise<Visit> {
  await using server = await contender.start(setting)
  await server.settle()
  const { questions } = setting.table
  const core = setting.cores.generator
  const udp = parts.has('udp') ? await measureUdp(server, udpLoad(questions, seconds, core)) : {}
  const tcp = parts.has('tcp')
    ? {
        tcpPipelined: await measure(server, pipelinedTcpLoad(questions, shorter(seconds), core)),
        tcpSingle: await runSingleConnections(server, {
          tunnels: setting.table.tunnels,
          seconds: shorter(seconds),
        }),
      }
    : {}
  return {
    server: contender.name,
    tunnels: setting.table.tunnels,
    threads: setting.threads,
    command: server.command,
    startMs: server.startMs,
    memory: memoryBytes(server.pid),
    peak: peakBytes(server.pid),
    ...udp,
    ...tcp,
  }
}

async function measureUdp(server: RunningServer, load: Load): Promise<Pick<Visit, 'udp' | 'latency'>> {
  const udp = await measure(server, load)
  const rate = udp.queriesASecond * HALF
  const latencies = await runLatencies(server, { ...load, rate, seconds: shorter(load.seconds) })
  return { udp, latency: { rate, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) } }
}

/** Half as long: for what is far from any limit that we set ourselves. */
function shorter(seconds: number): number {
  return Math.ceil(seconds / 2)
}

/** Two seconds of the same load go before: caches, branch predictors and the compiler have seen it all. */
async function measure(server: RunningServer, load: Load): Promise<LoadFigures> {
  await runLoad(server, { ...load, seconds: WARM_UP_SECONDS })
  return runLoad(server, load)
}
