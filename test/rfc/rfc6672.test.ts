import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const LONG = `${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'w'.repeat(50)}.example.`
const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
d.example. 77 IN DNAME t.example.
www.t.example. 300 IN A 192.0.2.1
long.example. 300 IN DNAME ${LONG}
grow.example. 300 IN DNAME a.grow.example.
loop.example. 300 IN DNAME loop.example.
away.example. 300 IN DNAME elsewhere.`)

test('2.2: what is below the owner is renamed; the CNAME has the TTL of the DNAME', () => {
  assert.deepEqual(ask(nameserver, 'www.d.example.', 'A').answer, [
    'd.example. 77 DNAME t.example.',
    'www.d.example. 77 CNAME www.t.example.',
    'www.t.example. 300 A 192.0.2.1',
  ])
})

test('2.3: the owner itself is not renamed', () => {
  assert.deepEqual(ask(nameserver, 'd.example.', 'DNAME').answer, ['d.example. 77 DNAME t.example.'])
  assert.equal(ask(nameserver, 'd.example.', 'A').answer.length, 0)
})

test('2.2: a target over 255 octets is YXDOMAIN, with the DNAME that says why', () => {
  const told = ask(nameserver, 'fifteen-octets.long.example.', 'A', { transport: 'tcp' })
  assert.deepEqual([told.rcode, told.answer.length], [RCODE.YXDOMAIN, 1])
})

test('loops end: one that turns, and one that grows', () => {
  assert.deepEqual(ask(nameserver, 'x.loop.example.', 'A').answer, [
    'loop.example. 300 DNAME loop.example.',
    'x.loop.example. 300 CNAME x.loop.example.',
  ])
  const told = ask(nameserver, 'x.grow.example.', 'A', { transport: 'tcp' })
  assert.equal(told.answer.filter(record => record.includes(' DNAME ')).length, 1)
  assert.equal(told.answer.filter(record => record.includes(' CNAME ')).length, 16)
})

test('a chain that ends at a name that does not exist is NXDOMAIN (RFC 6604 3)', () => {
  const told = ask(nameserver, 'no.d.example.', 'A')
  assert.deepEqual(
    [told.rcode, told.aa, told.answer.length, told.authority.length],
    [RCODE.NXDOMAIN, true, 2, 1],
  )
})

test('a chain out of our zones ends there', () => {
  const told = ask(nameserver, 'x.away.example.', 'A')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 2, 0])
})

test('a DNAME at the apex renames all below it', () => {
  const apex = serve(
    'example. 300 IN SOA ns.x. host.x. 1 2 3 4 60\nexample. 300 IN NS ns.x.\nexample. 300 IN DNAME other.',
  )
  assert.deepEqual(ask(apex, 'a.b.example.', 'A').answer, [
    'example. 300 DNAME other.',
    'a.b.example. 300 CNAME a.b.other.',
  ])
  assert.equal(ask(apex, 'example.', 'NS').answer.length, 1)
})
