import type { LoadFigures } from './generator.ts'
import type { SingleFigures } from './single-connections.ts'
import { median } from './statistics.ts'
import type { Latency, Visit } from './visit.ts'

/** The medians of a server's visits with one table and number of threads. */
export interface Medians {
  readonly server: string
  readonly tunnels: number
  readonly threads: number
  readonly startMs: number
  readonly memory: number
  readonly peak: number
  readonly cpu: number
  readonly queriesASecond: number
  readonly p50: number
  readonly p99: number
  /** Of all visits together: lost, or with an rcode that was not expected. */
  readonly wrong: number
  readonly pipelined: TcpMedians
  readonly single: TcpMedians
}

interface TcpMedians {
  readonly cpu: number
  readonly queriesASecond: number
  readonly wrong: number
}

/** Of one server; figures that were not measured are NaN. */
export function mediansOf(
  visits: readonly Visit[],
  who: Pick<Visit, 'server' | 'tunnels' | 'threads'>,
): Medians {
  const own = visits.filter(
    visit => visit.server === who.server && visit.tunnels === who.tunnels && visit.threads === who.threads,
  )
  const udp = own.flatMap(({ udp }) => udp ?? [])
  const latency: readonly Latency[] = own.flatMap(({ latency }) => latency ?? [])
  return {
    ...who,
    startMs: median(own.map(visit => visit.startMs)),
    memory: median(own.map(visit => visit.memory)),
    peak: median(own.map(visit => visit.peak)),
    cpu: median(udp.map(figures => figures.cpuMicroseconds)),
    queriesASecond: median(udp.map(figures => figures.queriesASecond)),
    p50: median(latency.map(figures => figures.p50)),
    p99: median(latency.map(figures => figures.p99)),
    wrong: wrongOf(udp),
    pipelined: tcpMedians(own.flatMap(({ tcpPipelined }) => tcpPipelined ?? [])),
    single: tcpMedians(own.flatMap(({ tcpSingle }) => tcpSingle ?? [])),
  }
}

function tcpMedians(figures: readonly (LoadFigures | SingleFigures)[]): TcpMedians {
  return {
    cpu: median(figures.map(one => one.cpuMicroseconds)),
    queriesASecond: median(figures.map(one => one.queriesASecond)),
    wrong: figures.reduce((sum, one) => sum + one.failures + ('lost' in one ? one.lost : 0), 0),
  }
}

/** Replies that never came, and those with an rcode that is neither of the two expected. */
export function wrongOf(loads: readonly LoadFigures[]): number {
  return loads.reduce((sum, { lost, failures }) => sum + lost + failures, 0)
}
