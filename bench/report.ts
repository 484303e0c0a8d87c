import { dirname, join } from 'node:path'
import { hasCoresFor } from './cores.ts'
import type { LineUp } from './line-up.ts'
import type { Machine } from './machine.ts'
import { factor, figure, markdownTable } from './markdown.ts'
import { type Medians, mediansOf } from './medians.ts'
import type { Options } from './options.ts'
import { partSections } from './part-report.ts'
import type { Results } from './session.ts'

/** All that the report is made from. */
export interface Run {
  readonly options: Options
  /** The command line behind `npm run bench --`. */
  readonly args: readonly string[]
  readonly machine: Machine
  readonly generator: string
  readonly lineUp: LineUp
  readonly results: Results
  readonly seconds: number
}

const MEGABYTE = 1e6
/** Two figures of queries a second that differ by less say nothing about the servers but something about dnsperf. */
const GENERATOR_MARGIN = 0.9

/** The part of docs/benchmarks.md that `npm run bench` owns. */
export function report(run: Run): string {
  const sections = [headSection(run), ...visitSections(run), ...partSections(run), commandSection(run)]
  return `${sections.filter(text => text !== '').join('\n')}`
}

function headSection({ options, args, machine, generator, lineUp, seconds }: Run): string {
  const versions = [lineUp.ours, ...lineUp.peers, ...lineUp.floors].map(
    ({ name, version }) => `- ${name}: ${version}\n`,
  )
  return `# Benchmarks

Written by \`npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}\` in ${figure(seconds)} s; not edited by hand: another run writes it anew, down to its end mark. All servers take
turns, and figures are medians of the turns; rounds: ${options.rounds}, seconds a measurement: ${options.seconds}. Absolute figures drift from hour to hour
on a shared machine: compare within one run. Pages under load: [benchmarks-web.md](benchmarks-web.md); tunnels
by their number: [tunnels-at-scale.md](tunnels-at-scale.md).

${machine.facts.map(fact => `- ${fact}\n`).join('')}- generator: ${generator}
${versions.join('')}${lineUp.absent.map(line => `- ${line}\n`).join('')}
The server is pinned to one core, the generator to another. Questions: 48 % AAAA, 48 % PTR, 4 % names that do not exist.
**CPU µs a query** is user and system time of all the server's processes and threads divided by the queries answered:
the figure to trust where dnsperf itself is near its limit.
`
}

function visitSections(run: Run): readonly string[] {
  const compared = comparedOf(run)
  return [
    udpSection(run, compared),
    tcpSection(run, compared),
    startSection(run, compared),
    sizesSection(run),
    threadsSection(run),
  ]
}

/** Ours first, then the peers. */
function comparedOf({ lineUp, results, options }: Run): readonly Medians[] {
  return [lineUp.ours, ...lineUp.peers]
    .map(({ name }) => mediansOf(results.visits, { server: name, tunnels: options.tunnels, threads: 1 }))
    .filter(({ startMs }) => Number.isFinite(startMs))
}

function udpSection({ lineUp, results, options }: Run, compared: readonly Medians[]): string {
  const [ours] = compared
  if (!options.parts.has('udp') || ours === undefined) return ''
  const floors = lineUp.floors.map(({ name }) =>
    mediansOf(results.visits, { server: name, tunnels: options.tunnels, threads: 1 }),
  )
  const rows = [...floors, ...compared].map(one => [
    one.server,
    figure(one.cpu, 1),
    one === ours ? '' : factor(ours.cpu / one.cpu),
    figure(one.queriesASecond),
    one === ours ? '' : factor(ours.queriesASecond / one.queriesASecond),
    figure(one.p50, 2),
    figure(one.p99, 2),
    floors.includes(one) ? '' : figure(one.wrong),
  ])
  const head = [
    'server',
    'CPU µs a query',
    'ours to it',
    'q/s',
    'ours to it',
    'p50 ms',
    'p99 ms',
    'lost or wrong',
  ]
  return `## UDP, ${figure(options.tunnels)} tunnels

${markdownTable(head, rows)}
Latencies are those at half of the server's own q/s. An echo knows no DNS: it is what the sockets alone cost.
${limitNote(ours, floors)}`
}

function limitNote(ours: Medians, floors: readonly Medians[]): string {
  const limit = Math.max(...floors.map(floor => floor.queriesASecond))
  if (!(ours.queriesASecond > limit * GENERATOR_MARGIN)) return ''
  return `\ndnsperf is the limit: it asks an echo no faster than ${figure(limit)} q/s.\n`
}

function tcpSection({ options }: Run, compared: readonly Medians[]): string {
  const [ours] = compared
  if (!options.parts.has('tcp') || ours === undefined) return ''
  const rows = compared.map(one => [
    one.server,
    figure(one.pipelined.cpu, 1),
    one === ours ? '' : factor(ours.pipelined.cpu / one.pipelined.cpu),
    figure(one.pipelined.queriesASecond),
    figure(one.single.cpu),
    one === ours ? '' : factor(ours.single.cpu / one.single.cpu),
    figure(one.single.queriesASecond),
    figure(one.pipelined.wrong + one.single.wrong),
  ])
  const head = [
    'server',
    'pipelined: CPU µs',
    'ours to it',
    'q/s',
    'single: CPU µs',
    'ours to it',
    'q/s',
    'lost or wrong',
  ]
  return `## TCP, ${figure(options.tunnels)} tunnels

${markdownTable(head, rows)}
Pipelined: 8 connections with 100 questions on their way on each. Single: a connection for each question, 8 at a time,
from a client in JavaScript that is the limit itself.
`
}

function startSection({ options }: Run, compared: readonly Medians[]): string {
  if (!options.parts.has('start') && !options.parts.has('memory')) return ''
  const rows = compared.map(one => [one.server, figure(one.startMs / 1000, 2), figure(one.memory / MEGABYTE)])
  return `## Start and memory, ${figure(options.tunnels)} tunnels

${markdownTable(['server', 'start to first answer, s', 'memory, MB'], rows)}
Memory is the proportional set size of all the server's processes after the load. freenet6 holds the web interface and
the database too.
`
}

function sizesSection({ lineUp, options, results }: Run): string {
  if (!options.parts.has('sizes') || results.tables.length < 2) return ''
  const sizes = results.tables
    .map(table => ({
      table,
      one: mediansOf(results.visits, { server: lineUp.ours.name, tunnels: table.tunnels, threads: 1 }),
    }))
    .toSorted((a, b) => a.table.tunnels - b.table.tunnels)
  const smallest = sizes[0]?.one
  const rows = sizes.map(({ table, one }) => [
    figure(table.tunnels),
    figure(one.cpu, 1),
    figure(one.queriesASecond),
    smallest === undefined || one === smallest ? '' : factor(one.queriesASecond / smallest.queriesASecond),
    figure(one.startMs / 1000, 2),
    figure(one.memory / MEGABYTE),
    figure(one.peak / MEGABYTE),
    figure(table.fillSeconds, 1),
    figure(one.wrong),
  ])
  const head = [
    'tunnels',
    'CPU µs a query',
    'q/s',
    'to the smallest',
    'start, s',
    'memory, MB',
    'peak, MB',
    'fill, s',
    'lost or wrong',
  ]
  return `## Size of the table

${markdownTable(head, rows)}`
}

function threadsSection({ lineUp, options, results }: Run): string {
  if (!options.parts.has('threads')) return ''
  const who = { server: lineUp.ours.name, tunnels: options.tunnels }
  const both = [1, 2].map(threads => mediansOf(results.visits, { ...who, threads }))
  const one = both[0]
  const rows = both.map(medians => [
    medians.threads,
    figure(medians.cpu, 1),
    one === undefined || medians === one ? '' : factor(medians.cpu / one.cpu),
    figure(medians.queriesASecond),
    one === undefined || medians === one ? '' : factor(medians.queriesASecond / one.queriesASecond),
  ])
  const note = hasCoresFor(2) ? '' : 'There is one core for both: only CPU a query says something.\n'
  return `## Threads

${markdownTable(['threads', 'CPU µs a query', 'to one', 'q/s', 'to one'], rows)}
${note}`
}

/** The command as it reads in the project's directory, whatever machine it ran on. */
function withoutPlaces(command: string, { tables }: Results): string {
  const [first] = tables
  const work = first === undefined ? '' : dirname(first.directory)
  return command
    .replaceAll(`${work}/`, 'TABLES/')
    .replaceAll(`${join(import.meta.dirname, '..')}/`, '')
    .replaceAll(/-p \d+/g, '-p PORT')
}

function commandSection({ results }: Run): string {
  const seen = new Map<string, string>()
  for (const { server, command, udp, tcpPipelined } of results.visits) {
    if (!seen.has(server)) seen.set(server, command)
    if (udp !== undefined && !seen.has('dnsperf, UDP')) seen.set('dnsperf, UDP', udp.command)
    if (tcpPipelined !== undefined && !seen.has('dnsperf, TCP'))
      seen.set('dnsperf, TCP', tcpPipelined.command)
  }
  if (seen.size === 0) return ''
  const lines = [...seen].map(([name, command]) => `# ${name}\n${withoutPlaces(command, results)}\n`)
  return `## Commands

\`\`\`sh
${lines.join('')}\`\`\`
`
}
