/**
 * Three lines of every type that has a notation, read by us and by Debian's programs: the same octets, or the table
 * below says who reads them otherwise, and why.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { layoutOf } from '../../src/text/rdata-layout.ts'
import { parseType, TYPE } from '../../src/wire/codes.ts'
import { lowerCase } from '../../src/wire/octets.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { missingPackages } from '../packages.ts'
import { ownReading, READERS, type Reader, readWith } from './zone-readers.ts'

const CORPUS = join(import.meta.dirname, '../corpus/rdata/types.txt')
const UNKNOWN = 'does not know the type'
const NUMBERS = 'takes numbers alone'
const ONE_WORD = 'wants base64 of two words to be whole in each'

/** Who refuses a line of a type, or reads other octets from it. */
const OTHERWISE: Readonly<Record<string, Partial<Record<Reader, string>>>> = {
  A6: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  AMTRELAY: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  ATMA: { nsd: UNKNOWN, ldns: 'leaves out the octet of the format', knot: UNKNOWN },
  AVC: { ldns: UNKNOWN, knot: UNKNOWN },
  BRID: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  CAA: { ldns: 'wants quotes around the value' },
  CDNSKEY: { knot: ONE_WORD },
  CDS: { nsd: NUMBERS, ldns: NUMBERS, knot: NUMBERS },
  CERT: { knot: ONE_WORD },
  DLV: { nsd: NUMBERS, ldns: NUMBERS, knot: UNKNOWN },
  DNSKEY: { nsd: NUMBERS, ldns: NUMBERS, knot: NUMBERS },
  DSYNC: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  DOA: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  DS: { nsd: NUMBERS, ldns: NUMBERS, knot: NUMBERS },
  EID: { nsd: UNKNOWN, knot: UNKNOWN },
  GPOS: { nsd: UNKNOWN, knot: UNKNOWN },
  HHIT: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  HIP: { nsd: UNKNOWN, knot: UNKNOWN },
  HTTPS: {
    nsd: 'reads key1 as alpn',
    ldns: 'reads key1 as alpn, and wants no = without a value',
    knot: 'wants no = without a value',
  },
  IPSECKEY: { named: 'wants a key', ldns: 'wants a key, and that in one word' },
  ISDN: { knot: UNKNOWN },
  KEY: {
    nsd: 'wants a key, whatever the flags say',
    ldns: 'wants a key, whatever the flags say',
    knot: 'wants a key, whatever the flags say',
  },
  L64: { knot: 'wants four digits in each group' },
  MB: { knot: UNKNOWN },
  MD: { named: 'refuses the type as obsolete', knot: UNKNOWN },
  MF: { named: 'refuses the type as obsolete', knot: UNKNOWN },
  MG: { knot: UNKNOWN },
  MR: { knot: UNKNOWN },
  NID: { knot: 'wants four digits in each group' },
  NIMLOC: { nsd: UNKNOWN, knot: UNKNOWN },
  NINFO: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  NSAP: { knot: UNKNOWN },
  'NSAP-PTR': { nsd: UNKNOWN, ldns: 'reads a string', knot: UNKNOWN },
  NULL: { knot: UNKNOWN },
  NXT: { ldns: UNKNOWN, knot: UNKNOWN },
  OPENPGPKEY: { knot: ONE_WORD },
  PX: { knot: UNKNOWN },
  RESINFO: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  RKEY: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  RRSIG: { nsd: 'wants dates' },
  SIG: { knot: UNKNOWN },
  SINK: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  SPF: { nsd: 'reads the first string alone' },
  SVCB: { ldns: 'undoes one level of escapes' },
  TA: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  TALINK: { nsd: UNKNOWN, knot: UNKNOWN },
  WALLET: { nsd: UNKNOWN, ldns: UNKNOWN, knot: UNKNOWN },
  WKS: { knot: UNKNOWN },
  X25: { knot: UNKNOWN },
}

const linesByType = Map.groupBy(
  readFileSync(CORPUS, 'utf8')
    .split('\n')
    .filter(line => line !== ''),
  line => line.split(' ')[0] ?? '',
)
const missing = await missingPackages(['named-compilezone', 'nsd-checkzone', 'ldns-read-zone', 'kzonecheck'])

describe('rdata of a type is the same octets to us and to', { skip: missing ?? false }, () => {
  for (const [type, lines] of linesByType) {
    const otherwise = Object.keys(OTHERWISE[type] ?? {})
    test(`${type}: ${READERS.filter(reader => !otherwise.includes(reader)).join(', ')}`, async () => {
      const differing = await Promise.all(READERS.map(reader => isReadOtherwise(reader, lines)))
      assert.deepEqual(
        READERS.filter((_, index) => differing[index]),
        READERS.filter(reader => otherwise.includes(reader)),
      )
    })
  }
})

test('there are three lines of every type that has a notation', () => {
  const few = Object.entries(TYPE).filter(
    ([mnemonic, type]) => layoutOf(type) !== undefined && (linesByType.get(mnemonic)?.length ?? 0) < 3,
  )
  assert.deepEqual(few, [])
})

async function isReadOtherwise(reader: Reader, lines: readonly string[]): Promise<boolean> {
  const readings = await Promise.all(lines.map(line => isLineReadOtherwise(reader, line)))
  return readings.includes(true)
}

async function isLineReadOtherwise(reader: Reader, line: string): Promise<boolean> {
  const zone = zoneOf(line)
  const ours = ownReading(zone)
  const theirs = await readWith(reader, zone)
  if (typeof theirs === 'string') return theirs === 'refused'
  // nsd writes names in lower case where case does not count, and elsewhere too.
  const shape = reader === 'nsd' ? lowered : (octets: Uint8Array) => octets
  return rdataText(theirs, line, shape) !== rdataText(ours, line, shape)
}

function zoneOf(line: string): string {
  const soa = line.startsWith('SOA ') ? line : 'SOA ns1 h 1 2 3 4 5'
  const rest = line.startsWith('SOA ') ? '' : `x ${line}\n`
  return `$ORIGIN example.net.\n$TTL 300\n@ ${soa}\n@ NS ns1\nns1 A 192.0.2.1\n${rest}`
}

function rdataText(
  rrsets: readonly Rrset[],
  line: string,
  shape: (octets: Uint8Array) => Uint8Array,
): string {
  const type = parseType(line.split(' ')[0] ?? '')
  const isSoa = type === TYPE.SOA
  const found = rrsets.find(rrset => rrset.type === type && (isSoa || rrset.owner[0] === 1))
  return (found?.rdatas ?? []).map(rdata => Buffer.from(shape(rdata)).toString('hex')).join(' ')
}

function lowered(octets: Uint8Array): Uint8Array {
  return octets.map(lowerCase)
}
