import type { Contender } from './contender.ts'
import { coresFor } from './cores.ts'
import type { LineUp } from './line-up.ts'
import { isVisited, type Options, type Part } from './options.ts'
import { type ChurnFigures, measureChurn } from './part/churn.ts'
import { type CommitFigures, measureCommit } from './part/commit.ts'
import { type GrowthFigures, measureGrowth } from './part/growth.ts'
import { type HeapFigures, measureHeap } from './part/heap.ts'
import { measureProbe, type ProbeFigures } from './part/probe.ts'
import { measureRegistrations, type RegisterFigures } from './part/register.ts'
import { measureSecondaries, type SecondariesFigures } from './part/secondaries.ts'
import { measureWeb, type WebFigures } from './part/web.ts'
import { measureZone, type ZoneFigures } from './part/zone.ts'
import type { RunningServer } from './running-server.ts'
import { writeStaticZone } from './static-zone.ts'
import { buildTable, scratchCopy, type Table } from './table.ts'
import { type Visit, visit } from './visit.ts'
import { type ExportedZone, exportZones } from './zone-export.ts'

/** All that was measured; a part that was not asked for has none. */
export interface Results {
  readonly tables: readonly Table[]
  readonly visits: readonly Visit[]
  readonly commits: readonly CommitFigures[]
  readonly churns: readonly ChurnFigures[]
  readonly secondaries: readonly SecondariesFigures[]
  readonly registrations: readonly RegisterFigures[]
  readonly webs: readonly WebFigures[]
  readonly growths: readonly GrowthFigures[]
  readonly heaps: readonly HeapFigures[]
  readonly probes: readonly ProbeFigures[]
  readonly zones: readonly ZoneFigures[]
}

interface Session {
  readonly options: Options
  readonly work: string
  readonly lineUp: LineUp
  readonly say: (line: string) => void
}

/** A server on a table, to be visited once a round. */
interface Stop {
  readonly contender: Contender
  readonly table: Table
  readonly threads: number
  readonly parts: ReadonlySet<Part>
}

const THREADS = 2

/** Builds the tables, then goes round: every server has its turn in every round, so that drift hits all alike. */
export async function measureAll(session: Session): Promise<Results> {
  const { options, say } = session
  const tables = tablesFor(session)
  const main = mainTable(tables, options)
  const zones = session.lineUp.peers.length > 0 && isVisited(options) ? await exportZones(main) : []
  const stops = stopsFor(session, tables)
  const results: { [Key in keyof Results]: Results[Key][number][] } = {
    tables: [...tables],
    visits: [],
    commits: [],
    churns: [],
    secondaries: [],
    registrations: [],
    webs: [],
    growths: [],
    heaps: [],
    probes: [],
    zones: [],
  }
  for (let round = 1; round <= options.rounds; round++) {
    say(`round ${round} of ${options.rounds}`)
    for (const stop of stops) results.visits.push(await visitStop(stop, zones, session))
    if (options.parts.has('commit'))
      results.commits.push(
        await onScratch(session, main, 'commit', server => measureCommit(server, options.seconds)),
      )
    if (options.parts.has('churn')) results.churns.push(await churn(session, main))
    if (options.parts.has('secondaries')) results.secondaries.push(await secondaries(session, main))
    if (options.parts.has('register')) results.registrations.push(await register(session, main))
  }
  // Once each: nothing of a peer's is set beside them, or it is far away.
  if (options.parts.has('web')) results.webs.push(await web(session, main))
  if (options.parts.has('growth')) results.growths.push(measureGrowth())
  if (options.parts.has('probe')) results.probes.push(await measureProbe())
  if (options.parts.has('zone')) results.zones.push(await zone(session))
  if (options.parts.has('heap')) results.heaps.push(...tables.map(table => measureHeap(table)))
  return results
}

function tablesFor({ options, work, say }: Session): readonly Table[] {
  const sizes = options.parts.has('sizes') ? options.sizes : []
  return [...new Set([options.tunnels, ...sizes])].map(tunnels => {
    say(`table of ${tunnels} tunnels`)
    return buildTable(work, tunnels)
  })
}

function mainTable(tables: readonly Table[], { tunnels }: Options): Table {
  const table = tables.find(one => one.tunnels === tunnels)
  if (table === undefined) throw new Error(`no table of ${tunnels} tunnels`)
  return table
}

function stopsFor({ options, lineUp }: Session, tables: readonly Table[]): readonly Stop[] {
  if (!isVisited(options)) return []
  const { parts } = options
  const table = mainTable(tables, options)
  const udpAlone: ReadonlySet<Part> = new Set(['udp'])
  const compared = [lineUp.ours, ...lineUp.peers].map(contender => ({ contender, table, threads: 1, parts }))
  const floors = parts.has('udp')
    ? lineUp.floors.map(contender => ({ contender, table, threads: 1, parts: udpAlone }))
    : []
  const sizes = tables
    .filter(other => other !== table)
    .map(other => ({ contender: lineUp.ours, table: other, threads: 1, parts: udpAlone }))
  const threads = parts.has('threads')
    ? [{ contender: lineUp.ours, table, threads: THREADS, parts: udpAlone }]
    : []
  return [...floors, ...compared, ...sizes, ...threads]
}

async function visitStop(
  { contender, table, threads, parts }: Stop,
  zones: readonly ExportedZone[],
  { options, say }: Session,
): Promise<Visit> {
  say(`  ${contender.name}, ${table.tunnels} tunnels, ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
  const setting = { table, zones, threads, cores: coresFor(threads) }
  return visit(contender, setting, { parts, seconds: options.seconds })
}

function churn(session: Session, main: Table): Promise<ChurnFigures> {
  const { seconds } = session.options
  return onScratch(session, main, 'churn', (server, table) =>
    measureChurn(server, { table, seconds, core: coresFor(1).generator }),
  )
}

function secondaries(session: Session, main: Table): Promise<SecondariesFigures> {
  const { seconds } = session.options
  return onScratch(session, main, 'secondaries', (server, table) =>
    measureSecondaries(server, { table, seconds, core: coresFor(1).generator }),
  )
}

function register(session: Session, main: Table): Promise<RegisterFigures> {
  const { seconds } = session.options
  return onScratch(session, main, 'register', (server, { tunnels }) =>
    measureRegistrations(server, { tunnels, seconds }),
  )
}

function zone({ options, work, say }: Session): Promise<ZoneFigures> {
  say(`  static zone of ${options.records} records`)
  return measureZone(writeStaticZone(work, options.records), { peers: options.peers, cores: coresFor(1) })
}

function web(session: Session, main: Table): Promise<WebFigures> {
  const { seconds } = session.options
  return onScratch(session, main, 'web', (server, table) =>
    measureWeb(server, { table, seconds, core: coresFor(1).generator }),
  )
}

/** Runs a part that writes against our server on a copy of the table. */
async function onScratch<T>(
  { lineUp, say }: Session,
  table: Table,
  what: Part,
  measure: (server: RunningServer, table: Table) => Promise<T>,
): Promise<T> {
  say(`  ${lineUp.ours.name}, ${what}`)
  const copy = scratchCopy(table)
  await using server = await lineUp.ours.start({ table: copy, zones: [], threads: 1, cores: coresFor(1) })
  return await measure(server, copy)
}
