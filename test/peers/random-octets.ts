/** Rdata of the types that knotd or nsd has no notation for, in the generic one of RFC 3597 5, which all read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseRdata } from '../../src/text/rdata.ts'
import { parseType } from '../../src/wire/codes.ts'
import { parseName } from '../../src/wire/name.ts'
import { MasterScanner } from '../../src/zone-file/master-scanner.ts'
import { type Name, wireOf } from './labels.ts'
import type { Random } from './random.ts'

interface Source {
  readonly random: Random
  /** A name that rdata may point at. */
  target(): Name
}

const CORPUS = join(import.meta.dirname, '../corpus/rdata/types.txt')
/** named loads no zone with it. */
const NO_KEY = 'IPSECKEY 10 1 0 192.0.2.3'
const ORIGIN = parseName('example.net.')
/** Types whose rdata are octets and then names: how many octets, how many names. */
const NAMING: Readonly<Record<string, readonly [octets: number, names: number]>> = {
  MB: [0, 1],
  MG: [0, 1],
  MR: [0, 1],
  MINFO: [0, 2],
  RT: [2, 1],
  'NSAP-PTR': [0, 1],
  PX: [2, 2],
  KX: [2, 1],
  TALINK: [0, 2],
  LP: [2, 1],
}
/** Types without names, or with names that nobody looks up. */
const OTHERS = [
  ...[
    'NULL',
    'WKS',
    'X25',
    'ISDN',
    'NSAP',
    'KEY',
    'GPOS',
    'EID',
    'NIMLOC',
    'ATMA',
    'CERT',
    'A6',
    'SINK',
    'APL',
  ],
  ...[
    'IPSECKEY',
    'DHCID',
    'SMIMEA',
    'HIP',
    'NINFO',
    'RKEY',
    'CSYNC',
    'ZONEMD',
    'DSYNC',
    'HHIT',
    'BRID',
    'NID',
  ],
  ...['L32', 'L64', 'EUI48', 'EUI64', 'AVC', 'DOA', 'AMTRELAY', 'RESINFO', 'WALLET', 'TA', 'DLV'],
]

export const OCTET_RDATA: Readonly<Record<string, (source: Source) => string>> = Object.fromEntries([
  ...Object.entries(NAMING).map(([type, [octets, names]]) => [
    numbered(type),
    ({ random, target }: Source) =>
      generic(Buffer.concat([random.octets(octets), ...random.list(names, () => wireOf(target()))])),
  ]),
  ...OTHERS.map(type => {
    const all = linesOf(type)
    return [numbered(type), ({ random }: Source) => generic(random.pick(all))]
  }),
])

function numbered(type: string): string {
  return `TYPE${parseType(type)}`
}

/** What the corpus has of a type, as octets. */
function linesOf(type: string): Buffer[] {
  const lines = readFileSync(CORPUS, 'utf8').split('\n')
  return lines
    .filter(line => line.split(' ')[0] === type && line !== NO_KEY)
    .map(line => {
      const scanner = new MasterScanner(Buffer.from(line.slice(type.length + 1), 'latin1'))
      scanner.next()
      const parsed = parseRdata(parseType(type) ?? 0, scanner.tokens, ORIGIN)
      if (parsed.kind === 'fault') throw new Error(`${line}: ${parsed.message}`)
      return Buffer.from(parsed.rdata)
    })
}

/** RFC 3597 5. */
export function generic(octets: Buffer): string {
  return `\\# ${octets.length} ${octets.toString('hex')}`.trimEnd()
}
