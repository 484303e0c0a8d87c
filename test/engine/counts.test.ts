import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counts, countRcode, countType } from '../../src/engine/counts.ts'
import { RCODE, TYPE } from '../../src/wire/codes.ts'

/** The fields that have been counted, with how often. */
function countedBy(count: (counts: Counts) => void): Readonly<Record<string, number>> {
  const counts = new Counts()
  count(counts)
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0))
}

const RCODES = [
  'NOERROR',
  'NXDOMAIN',
  'REFUSED',
  'FORMERR',
  'NOTIMP',
  'YXDOMAIN',
  'NOTAUTH',
  'BADVERS',
  'BADCOOKIE',
  'SERVFAIL',
] as const
const TYPES = [
  'A',
  'AAAA',
  'ANY',
  'AXFR',
  'CAA',
  'CNAME',
  'DNSKEY',
  'DS',
  'HTTPS',
  'IXFR',
  'MX',
  'NS',
  'PTR',
  'SOA',
  'SRV',
  'SVCB',
  'TXT',
] as const

for (const rcode of RCODES)
  test(`a reply with ${rcode} is counted as that and as nothing else`, () => {
    const counted = countedBy(counts => countRcode(counts, RCODE[rcode]))
    assert.deepEqual(counted, { [rcode.toLowerCase()]: 1 })
  })

for (const type of TYPES)
  test(`a question for ${type} is counted as that and as nothing else`, () => {
    const counted = countedBy(counts => countType(counts, TYPE[type]))
    assert.deepEqual(counted, { [`type${type}`]: 1 })
  })

test('a question for a type that is seldom asked for is counted among the others', () => {
  assert.deepEqual(
    countedBy(counts => countType(counts, TYPE.NAPTR)),
    { typeOther: 1 },
  )
})
