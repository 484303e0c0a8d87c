/**
 * Cases of the Ferret data set (dns-groot, MIT licence): small zones with odd delegations, wildcards, CNAMEs and
 * DNAMEs, and the answer on which BIND, NSD, Knot and PowerDNS agree. The data lie beside the project, not in it.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, queryOf, serve, type Told, takeApart } from '../engine/zones.ts'
import { askManyUdp } from '../peers/ask-many.ts'
import { startServer } from '../spawn.ts'

const DATA = new URL('../../../shared/conformance/ferret.jsonl', import.meta.url)

const OVER_TCP = { transport: 'tcp' } as const
/** How many names the rdata begin with; all other types of the data set have none. */
const NAMES_IN_RDATA: Readonly<Record<string, number>> = { NS: 1, CNAME: 1, DNAME: 1, SOA: 2 }

interface Case {
  readonly id: number
  readonly zone: string
  readonly qname: string
  readonly qtype: string
  readonly rcode: keyof typeof RCODE
  readonly aa: boolean
  readonly answer: readonly string[]
  readonly authority: readonly string[]
}

const noData = existsSync(DATA)
  ? false
  : '../shared/conformance/ferret.jsonl is missing: the 6,300 Ferret cases were NOT run'

test('every case is answered as the four big servers answer it', { skip: noData }, () => {
  assertRight(readCases().map(one => differenceOf(one, ask(serve(one.zone), one.qname, one.qtype, OVER_TCP))))
})

test('one process that serves the zones of all cases answers each over UDP as well', {
  skip: noData,
}, async t => {
  const cases = readCases().map(apart)
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-ferret-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'zones'))
  for (const { id, zone } of cases) writeFileSync(join(dir, 'zones', `c${id}.zone`), `${zone}\n`)
  await using server = await startServer({ dir })
  const queries = cases.map(({ qname, qtype }) => Buffer.from(queryOf(qname, qtype, { edns: 1232 })))
  const replies = await askManyUdp(server.endpoint(), queries)
  const told = replies.map(reply => (reply === undefined ? undefined : takeApart(reply)))
  assert.equal(told.filter(reply => reply?.tc).length, 0)
  assertRight(cases.map((one, i) => differenceOf(one, told[i])))
})

function readCases(): readonly Case[] {
  const cases = readFileSync(DATA, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Case)
  assert.equal(cases.length, 6300)
  return cases
}

function assertRight(differences: readonly unknown[]): void {
  const wrong = differences.filter(difference => difference !== undefined)
  assert.equal(
    wrong.length,
    0,
    `${wrong.length} wrong, the first of them: ${JSON.stringify(wrong.slice(0, 3), null, 1)}`,
  )
}

/** The same case below a top level of its own, so that all cases can stand side by side in one server. */
function apart({ id, zone, qname, answer, authority, ...rest }: Case): Case {
  const below = (records: readonly string[]) => records.map(record => recordBelow(record, `c${id}.`))
  return {
    ...rest,
    id,
    zone: below(zone.split('\n')).join('\n'),
    qname: `${qname}c${id}.`,
    answer: below(answer),
    authority: below(authority),
  }
}

function recordBelow(record: string, top: string): string {
  const [owner = '', ttl = '', qclass = '', type = '', ...rdata] = record.split(' ')
  const names = NAMES_IN_RDATA[type] ?? 0
  const below = rdata.map((field, i) => (i < names ? `${field}${top}` : field))
  return [`${owner}${top}`, ttl, qclass, type, ...below].join(' ')
}

function differenceOf(expected: Case, told: Told | undefined): unknown {
  if (told === undefined) return { case: expected, ours: 'silence' }
  const apex = expected.zone.split(' ')[0] ?? ''
  // A positive answer may come with the NS of the apex, or without.
  const isWanted = (record: string) =>
    expected.answer.length === 0 || !(record.startsWith(`${apex} `) && record.includes(' NS '))
  const ours = {
    rcode: told.rcode,
    aa: told.aa,
    answer: asSet(told.answer),
    authority: asSet(told.authority.filter(isWanted)),
  }
  const theirs = {
    rcode: RCODE[expected.rcode],
    aa: expected.aa,
    answer: asSet(expected.answer.map(withoutClass)),
    authority: asSet(expected.authority.map(withoutClass).filter(isWanted)),
  }
  const same = JSON.stringify(ours) === JSON.stringify(theirs)
  return same ? undefined : { case: expected, ours }
}

function asSet(records: readonly string[]): readonly string[] {
  return [...new Set(records)].sort()
}

function withoutClass(record: string): string {
  return record.toLowerCase().replace(/ in ([a-z0-9]+) /, (_, type: string) => ` ${type.toUpperCase()} `)
}
