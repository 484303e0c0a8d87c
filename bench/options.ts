import { parseArgs } from 'node:util'

/** What can be measured; `--only` picks from it. */
const PARTS = [
  'start',
  'memory',
  'udp',
  'tcp',
  'sizes',
  'threads',
  'commit',
  'churn',
  'secondaries',
  'register',
  'web',
  'growth',
  'heap',
  'probe',
  'zone',
] as const
export type Part = (typeof PARTS)[number]

const PEERS = ['nsd', 'knot', 'bind', 'powerdns'] as const
export type PeerName = (typeof PEERS)[number]

/** What a run does. */
export interface Options {
  readonly parts: ReadonlySet<Part>
  readonly peers: ReadonlySet<PeerName>
  readonly rounds: number
  /** Length of one measurement. */
  readonly seconds: number
  /** Size of the table that all servers are compared with. */
  readonly tunnels: number
  /** Other sizes, ours alone. */
  readonly sizes: readonly number[]
  /** Size of the static zone, in records. */
  readonly records: number
  /** Directory whose tables are used again; undefined: one of its own, removed afterwards. */
  readonly work: string | undefined
  /** Where the report goes. */
  readonly report: string
}

export const USAGE = `usage: npm run bench -- [options]

  --only PARTS     of ${PARTS.join(',')}; all by default
  --peers NAMES    of ${PEERS.join(',')}, or none; all that are installed by default
  --rounds N       how often each server has its turn (3)
  --seconds N      length of one measurement (2)
  --tunnels N      the table that all servers are compared with (100000)
  --sizes NS       other tables, ours alone (1000,1000000)
  --records N      the static zone of the part zone (1000000)
  --work DIR       keep the tables here and use them again
  --report FILE    docs/benchmarks.md
  --quick          one round of a second each, 10000 tunnels and records, no other size; the report goes to standard output
`

const VISITED: readonly Part[] = ['start', 'memory', 'udp', 'tcp', 'sizes', 'threads']

/** Whether servers are visited in rounds; the other parts start ours by themselves. */
export function isVisited({ parts }: Options): boolean {
  return VISITED.some(part => parts.has(part))
}

/** A mistake on the command line. */
export class OptionMistake extends Error {}

/** Reads the command line. Throws OptionMistake. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = readArguments(args)
  if (values.help === true) return 'help'
  const quick = values.quick === true
  return {
    parts: chosen('only', values.only, PARTS),
    peers: values.peers === 'none' ? new Set() : chosen('peers', values.peers, PEERS),
    rounds: whole('rounds', values.rounds ?? (quick ? '1' : '3')),
    seconds: whole('seconds', values.seconds ?? (quick ? '1' : '2')),
    tunnels: whole('tunnels', values.tunnels ?? (quick ? '10000' : '100000')),
    sizes: list(values.sizes ?? (quick ? '' : '1000,1000000')).map(size => whole('sizes', size)),
    records: whole('records', values.records ?? (quick ? '10000' : '1000000')),
    work: values.work,
    report: values.report ?? (quick ? '-' : 'docs/benchmarks.md'),
  }
}

function readArguments(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: text,
        peers: text,
        rounds: text,
        seconds: text,
        tunnels: text,
        sizes: text,
        records: text,
        work: text,
        report: text,
        quick: flag,
        help: flag,
      },
    })
  } catch (error) {
    throw new OptionMistake(error instanceof Error ? error.message : String(error))
  }
}

function chosen<Name extends string>(
  option: string,
  value: string | undefined,
  all: readonly Name[],
): ReadonlySet<Name> {
  if (value === undefined) return new Set(all)
  const names = list(value).map(word => all.find(name => name === word) ?? word)
  const wrong = names.filter(name => !all.some(known => known === name))
  if (wrong.length > 0) throw new OptionMistake(`--${option} knows ${all.join(',')}, not ${wrong.join(',')}`)
  return new Set(all.filter(name => names.includes(name)))
}

function list(value: string): string[] {
  return value.split(',').filter(word => word !== '')
}

function whole(option: string, value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value)
  throw new OptionMistake(`--${option} takes a whole number from 1, not ${JSON.stringify(value)}`)
}
