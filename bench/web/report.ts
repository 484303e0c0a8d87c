import type { Machine } from '../machine.ts'
import { factor, figure, markdownTable } from '../markdown.ts'
import type { LatencyFigures } from './dns-latency.ts'
import type { LoadFigures } from './load.ts'

export interface LoadRow {
  readonly name: string
  readonly connections: number
  readonly web: LoadFigures
  readonly dns: LatencyFigures
}

/** Times in milliseconds. */
export interface ListenerFigures {
  readonly count: number
  /** From the request to the first event. */
  readonly firstP99: number
  /** From a change of a tunnel to its event. */
  readonly moving: number
  readonly p50: number
  readonly p99: number
  readonly eventsASecond: number
  readonly dns: LatencyFigures
  readonly landing: LoadRow
}

export interface WebReport {
  readonly machine: Machine
  readonly command: string
  readonly seconds: number
  /** DNS alone, and beside a program that keeps the generator's core busy. */
  readonly quiet: LatencyFigures
  readonly spinning: LatencyFigures
  readonly rows: readonly LoadRow[]
  readonly listeners: ListenerFigures
}

const HEAD = [
  'what',
  'connections',
  'a second',
  'p50, ms',
  'p99, ms',
  'wrong',
  'DNS p50, ms',
  'DNS p99, ms',
  'to busy',
]

/** docs/benchmarks-web.md. */
export function webReport({
  machine,
  command,
  seconds,
  quiet,
  spinning,
  rows,
  listeners,
}: WebReport): string {
  const { landing } = listeners
  return `# Pages under load

Written by \`${command}\`; not edited by hand. The server has one core, for pages, DNS and database together;
autocannon and the DNS client share the other one. ${seconds} seconds a measurement. Where other programs use the machine
too, compare within one run.

${machine.facts.map(fact => `- ${fact}\n`).join('')}
A registration is a whole one: form, checks, a durable commit, names in DNS, the redirection to its page. A DNS client
asks for a tunnel's AAAA every two milliseconds meanwhile. 'To busy' is its p50 beside that of the same client beside a
program that does nothing but keep the generator's core busy: what remains is the server's own.

${markdownTable(HEAD, [
  ['nothing', '–', '–', '–', '–', '–', ...dnsCells(quiet), ''],
  ['a busy program', '–', '–', '–', '–', '–', ...dnsCells(spinning), ''],
  ...rows.map(row => cellsOf(row, spinning)),
])}
DNS answers lost or wrong: ${rows.reduce((sum, { dns }) => sum + dns.lost, quiet.lost + spinning.lost)}.

## ${figure(listeners.count)} pages open

Each of ${figure(listeners.count)} visitors listens to the events of a tunnel.

${markdownTable(
  ['what', 'figure'],
  [
    ['first event after the request, all at once, p99', `${figure(listeners.firstP99)} ms`],
    [`all tunnels move, ${listeners.moving} at a time: events a second`, figure(listeners.eventsASecond)],
    ['a tunnel moves, its page hears of it, p50', `${figure(listeners.p50, 1)} ms`],
    ['the same, p99', `${figure(listeners.p99, 1)} ms`],
    ['first page on 8 connections beside it, a second', figure(landing.web.requestsASecond)],
    ['its p99', `${figure(landing.web.p99)} ms`],
    ['DNS p50 beside the moves', `${figure(listeners.dns.p50, 2)} ms`],
    ['DNS p99 beside the moves', `${figure(listeners.dns.p99, 2)} ms`],
    ['DNS p50 beside the first page, to busy', factor(landing.dns.p50 / spinning.p50)],
    ['DNS answers lost or wrong', figure(listeners.dns.lost + landing.dns.lost)],
  ],
)}`
}

function cellsOf(
  { name, connections, web, dns }: LoadRow,
  spinning: LatencyFigures,
): readonly (string | number)[] {
  return [
    name,
    connections,
    figure(web.requestsASecond),
    figure(web.p50),
    figure(web.p99),
    web.wrong,
    ...dnsCells(dns),
    factor(dns.p50 / spinning.p50),
  ]
}

function dnsCells({ p50, p99 }: LatencyFigures): readonly string[] {
  return [figure(p50, 2), figure(p99, 2)]
}
