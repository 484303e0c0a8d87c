import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseType } from '../../src/wire/codes.ts'
import { Lookup, OUTCOME } from '../../src/zone/lookup.ts'
import { catalogOf, wire } from '../engine/zones.ts'

const DIGEST = 'ab'.repeat(32)
const SOA = 'SOA ns.example. host.example. 1 2 3 4 60'
const ZONE = `example. 300 IN ${SOA}
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
www.a.b.example. 300 IN A 192.0.2.2
*.w.example. 300 IN TXT "wild"
here.w.example. 300 IN A 192.0.2.3
below.ent.w.example. 300 IN A 192.0.2.4
x.*.n.example. 300 IN A 192.0.2.5
sub.example. 300 IN NS ns.sub.example.
sub.example. 300 IN DS 1 8 2 ${DIGEST}
ns.sub.example. 300 IN A 192.0.2.6
*.sub.example. 300 IN A 192.0.2.7
deep.sub.example. 300 IN NS ns.sub.example.
d.example. 300 IN DNAME e.example.
d.example. 300 IN A 192.0.2.8
lost.d.example. 300 IN A 192.0.2.9
c.example. 300 IN CNAME ns.example.`
const CHILD = `served.example. 300 IN SOA ns.example. host.example. 9 2 3 4 60
served.example. 300 IN NS ns.example.`
const PARENT_OF_CHILD = `
served.example. 300 IN NS ns.example.
served.example. 300 IN DS 2 8 2 ${DIGEST}
*.example. 300 IN A 192.0.2.10`

const OUTCOME_NAMES = new Map<number, string>(Object.entries(OUTCOME).map(([name, value]) => [value, name]))

function outcomeIn(...zones: readonly string[]): (qname: string, qtype: string) => string {
  const lookup = new Lookup(catalogOf(...zones).buffer)
  return (qname, qtype) => {
    lookup.reader.refresh()
    return OUTCOME_NAMES.get(lookup.step(wire(qname), 0, parseType(qtype) ?? 0)) ?? '?'
  }
}

const outcome = outcomeIn(ZONE)

test('a name outside all zones is outside, above and beside the apex too', () => {
  for (const name of ['.', 'com.', 'xexample.', 'example.com.'])
    assert.equal(outcome(name, 'A'), 'OUTSIDE', name)
})

test('an rrset is the answer, and another type at its owner is no data', () => {
  assert.equal(outcome('NS.Example.', 'A'), 'ANSWER')
  assert.equal(outcome('ns.example.', 'AAAA'), 'NODATA')
  assert.equal(outcome('example.', 'SOA'), 'ANSWER')
})

test('an empty non-terminal is no data, one label off it is no name', () => {
  assert.equal(outcome('b.example.', 'A'), 'NODATA')
  assert.equal(outcome('a.b.example.', 'A'), 'NODATA')
  assert.equal(outcome('c.b.example.', 'A'), 'NXDOMAIN')
  assert.equal(outcome('x.www.a.b.example.', 'A'), 'NXDOMAIN')
})

test('a wildcard answers at any depth below its encloser', () => {
  assert.equal(outcome('q.w.example.', 'TXT'), 'ANSWER')
  assert.equal(outcome('p.q.w.example.', 'TXT'), 'ANSWER')
  assert.equal(outcome('q.w.example.', 'A'), 'NODATA')
  assert.equal(outcome('*.w.example.', 'TXT'), 'ANSWER')
})

test('a name that exists, be it an empty non-terminal, keeps the wildcard from itself and from below', () => {
  assert.equal(outcome('here.w.example.', 'TXT'), 'NODATA')
  assert.equal(outcome('x.here.w.example.', 'TXT'), 'NXDOMAIN')
  assert.equal(outcome('ent.w.example.', 'TXT'), 'NODATA')
  assert.equal(outcome('x.ent.w.example.', 'TXT'), 'NXDOMAIN')
  assert.equal(outcome('w.example.', 'TXT'), 'NODATA')
})

test('a wildcard that is an empty non-terminal makes names exist without data', () => {
  assert.equal(outcome('y.n.example.', 'A'), 'NODATA')
})

test('a literal asterisk label is a label like any other', () => {
  assert.equal(outcome('x.*.w.example.', 'TXT'), 'NXDOMAIN')
})

test('at and below a cut there is a referral, whatever the zone holds there', () => {
  for (const name of [
    'sub.example.',
    'ns.sub.example.',
    'x.y.sub.example.',
    'deep.sub.example.',
    'x.deep.sub.example.',
  ]) {
    assert.equal(outcome(name, 'A'), 'REFERRAL', name)
  }
  assert.equal(outcome('sub.example.', 'NS'), 'REFERRAL')
})

test('DS at the cut is the parent’s, and below the cut it is not', () => {
  assert.equal(outcome('sub.example.', 'DS'), 'ANSWER')
  assert.equal(outcome('deep.sub.example.', 'DS'), 'REFERRAL')
})

test('DS at an apex whose parent is not ours is no data', () => {
  assert.equal(outcome('example.', 'DS'), 'NODATA')
})

test('a DNAME renames what is below it and nothing at it', () => {
  assert.equal(outcome('d.example.', 'A'), 'ANSWER')
  assert.equal(outcome('d.example.', 'DNAME'), 'ANSWER')
  assert.equal(outcome('x.y.d.example.', 'A'), 'DNAME')
  assert.equal(outcome('lost.d.example.', 'A'), 'DNAME')
})

test('a CNAME stands for all types but its own', () => {
  assert.equal(outcome('c.example.', 'A'), 'CNAME')
  assert.equal(outcome('c.example.', 'CNAME'), 'ANSWER')
})

test('nothing of the parent shows in a child that is served too', () => {
  const both = outcomeIn(ZONE + PARENT_OF_CHILD, CHILD)
  assert.equal(both('served.example.', 'NS'), 'ANSWER')
  assert.equal(both('x.served.example.', 'A'), 'NXDOMAIN')
  assert.equal(both('served.example.', 'DS'), 'ANSWER')
  assert.equal(both('x.served.example.', 'DS'), 'NXDOMAIN')
  assert.equal(both('xserved.example.', 'A'), 'ANSWER')
})

test('ANY is answered with one rrset', () => {
  assert.equal(outcome('d.example.', 'ANY'), 'ANSWER')
  assert.equal(outcome('c.example.', 'ANY'), 'ANSWER')
  assert.equal(outcome('b.example.', 'ANY'), 'NODATA')
})

test('a zone that failed to load fails for all its names', () => {
  const catalog = catalogOf(ZONE)
  catalog.putFailedZone(wire('broken.example.'))
  const lookup = new Lookup(catalog.buffer)
  assert.equal(lookup.step(wire('x.broken.example.'), 0, 1), OUTCOME.FAILED)
  assert.equal(lookup.step(wire('broken.example.'), 0, 1), OUTCOME.FAILED)
  assert.equal(lookup.step(wire('ns.example.'), 0, 1), OUTCOME.ANSWER)
})

test('the root can be a zone', () => {
  const root = outcomeIn(
    '. 1 IN SOA a. b. 1 2 3 4 5\n. 1 IN NS a.\ncom. 1 IN NS ns.com.\nns.com. 1 IN A 192.0.2.1',
  )
  assert.equal(root('.', 'SOA'), 'ANSWER')
  assert.equal(root('org.', 'A'), 'NXDOMAIN')
  assert.equal(root('x.com.', 'A'), 'REFERRAL')
})

test('a name without room for an asterisk label does not exist', () => {
  const long = `${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(53)}.example.`
  assert.equal(wire(long).length, 255)
  assert.equal(outcome(long, 'A'), 'NXDOMAIN')
})
