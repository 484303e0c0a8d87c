/**
 * Cases of the Ferret data set (dns-groot, MIT licence): small zones with odd delegations, wildcards, CNAMEs and
 * DNAMEs, and the answer on which BIND, NSD, Knot and PowerDNS agree. The data lie beside the project, not in it.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../nameserver/zones.ts'

const DATA = new URL('../../../shared/conformance/ferret.jsonl', import.meta.url)

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

test('every case is answered as the four big servers answer it', t => {
  if (!existsSync(DATA)) {
    t.skip('../shared/conformance/ferret.jsonl is missing: the 6,300 Ferret cases were NOT run')
    return
  }
  const cases = readFileSync(DATA, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Case)
  assert.equal(cases.length, 6300)
  const wrong = cases.map(differenceOf).filter(difference => difference !== undefined)
  assert.equal(
    wrong.length,
    0,
    `${wrong.length} wrong, the first of them: ${JSON.stringify(wrong.slice(0, 3), null, 1)}`,
  )
})

function differenceOf(expected: Case): unknown {
  const told = ask(serve(expected.zone), expected.qname, expected.qtype, { transport: 'tcp' })
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
