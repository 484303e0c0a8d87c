import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(
  `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
one.example. 300 IN CNAME two.example.
two.example. 300 IN CNAME ns.example.
self.example. 300 IN CNAME self.example.
ping.example. 300 IN CNAME pong.example.
pong.example. 300 IN CNAME ping.example.
out.example. 300 IN CNAME www.elsewhere.
over.example. 300 IN CNAME www.other.
cut.example. 300 IN CNAME x.sub.example.
sub.example. 300 IN NS ns.sub.example.
ns.sub.example. 300 IN A 192.0.2.2
${Array.from({ length: 40 }, (_, i) => `l${i}.example. 300 IN CNAME l${i + 1}.example.`).join('\n')}`,
  'other. 300 IN SOA ns.other. host.other. 1 2 3 4 60\nother. 300 IN NS ns.other.\nwww.other. 300 IN A 192.0.2.3',
)

test('4.3.2: a chain of CNAMEs is followed to its end', () => {
  assert.deepEqual(ask(nameserver, 'one.example.', 'A').answer, [
    'one.example. 300 CNAME two.example.',
    'two.example. 300 CNAME ns.example.',
    'ns.example. 300 A 192.0.2.1',
  ])
})

test('3.6.2: a question for the CNAME itself is not followed', () => {
  assert.deepEqual(ask(nameserver, 'one.example.', 'CNAME').answer, ['one.example. 300 CNAME two.example.'])
})

test('a chain into another zone of ours goes on there', () => {
  assert.deepEqual(ask(nameserver, 'over.example.', 'A').answer, [
    'over.example. 300 CNAME www.other.',
    'www.other. 300 A 192.0.2.3',
  ])
})

test('a chain out of our zones just ends, with an authoritative answer', () => {
  const told = ask(nameserver, 'out.example.', 'A')
  assert.deepEqual(
    [told.rcode, told.aa, told.answer.length, told.authority.length],
    [RCODE.NOERROR, true, 1, 0],
  )
})

test('a chain to a delegation ends in its referral', () => {
  const told = ask(nameserver, 'cut.example.', 'A')
  assert.deepEqual(
    [told.aa, told.answer, told.authority],
    [true, ['cut.example. 300 CNAME x.sub.example.'], ['sub.example. 300 NS ns.sub.example.']],
  )
})

test('loops of CNAMEs end, each record once', () => {
  assert.equal(ask(nameserver, 'self.example.', 'A').answer.length, 1)
  assert.equal(ask(nameserver, 'ping.example.', 'A').answer.length, 2)
})

test('a chain is bounded', () => {
  const told = ask(nameserver, 'l0.example.', 'A', { transport: 'tcp' })
  assert.deepEqual([told.rcode, told.answer.length], [RCODE.NOERROR, 16])
})

test('4.3.2 step 3b: at and below a cut there is a referral with glue and without AA', () => {
  for (const name of ['sub.example.', 'x.sub.example.', 'ns.sub.example.']) {
    const told = ask(nameserver, name, 'A')
    assert.deepEqual([told.rcode, told.aa, told.answer.length], [RCODE.NOERROR, false, 0])
    assert.deepEqual(told.authority, ['sub.example. 300 NS ns.sub.example.'])
    assert.deepEqual(told.additional, ['ns.sub.example. 300 A 192.0.2.2'])
  }
})

test('a name outside our zones is refused, and never referred upwards', () => {
  const told = ask(nameserver, 'www.elsewhere.', 'A')
  assert.deepEqual(
    [told.rcode, told.aa, told.answer.length, told.authority.length],
    [RCODE.REFUSED, false, 0, 0],
  )
})
