import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

// The zone of RFC 4592 2.2.1.
const nameserver = serve(`example. 3600 IN SOA ns.example.com. host.example. 1 2 3 4 60
example. 3600 IN NS ns.example.com.
*.example. 3600 IN TXT "this_is_a_wildcard"
*.example. 3600 IN MX 10 host1.example.
sub.*.example. 3600 IN TXT "this_is_not_a_wildcard"
host1.example. 3600 IN A 192.0.2.1
_ssh._tcp.host1.example. 3600 IN SRV 0 0 22 host1.example.
subdel.example. 3600 IN NS ns.example.com.
loop.w.example. 3600 IN A 192.0.2.2
*.w.example. 3600 IN CNAME again.w.example.
*.t.example. 3600 IN CNAME host1.example.`)

test('2.2.1: the wildcard answers with the name that was asked', () => {
  assert.deepEqual(ask(nameserver, 'host3.example.', 'MX').answer, [
    'host3.example. 3600 MX 10 host1.example.',
  ])
  assert.deepEqual(ask(nameserver, 'foo.bar.example.', 'TXT').answer, [
    'foo.bar.example. 3600 TXT "this_is_a_wildcard"',
  ])
})

test('2.2.1: a type that the wildcard lacks is no data', () => {
  const told = ask(nameserver, 'host3.example.', 'A')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 0, 1])
})

test('2.2.1: names that exist, and names below them, are not synthesized', () => {
  assert.equal(ask(nameserver, 'host1.example.', 'MX').answer.length, 0)
  assert.equal(ask(nameserver, 'sub.*.example.', 'MX').answer.length, 0)
  assert.equal(ask(nameserver, '_telnet._tcp.host1.example.', 'SRV').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(nameserver, 'ghost.*.example.', 'MX').rcode, RCODE.NXDOMAIN)
})

test('2.2.1: below a delegation there is a referral', () => {
  assert.deepEqual(ask(nameserver, 'host.subdel.example.', 'A').authority, [
    'subdel.example. 3600 NS ns.example.com.',
  ])
})

test('2.2.2: an empty non-terminal is no data and blocks the wildcard', () => {
  const told = ask(nameserver, '_tcp.host1.example.', 'TXT')
  assert.deepEqual([told.rcode, told.answer.length], [RCODE.NOERROR, 0])
})

test('4.4: a CNAME at the wildcard is followed, and its loop ends', () => {
  assert.deepEqual(ask(nameserver, 'x.t.example.', 'A').answer, [
    'x.t.example. 3600 CNAME host1.example.',
    'host1.example. 3600 A 192.0.2.1',
  ])
  assert.equal(ask(nameserver, 'x.w.example.', 'A').answer.length, 2)
})

test('the wildcard’s own name can be asked', () => {
  assert.equal(ask(nameserver, '*.example.', 'TXT').answer.length, 1)
})

test('a wildcard may be as long as a name can be', () => {
  const encloser = `${[63, 63, 63, 51].map(length => 'x'.repeat(length)).join('.')}.example.`
  const server = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.elsewhere.
${encloser} 300 IN TXT "encloser"
*.${encloser} 300 IN A 192.0.2.1`)
  assert.deepEqual(ask(server, `y.${encloser}`, 'A', { transport: 'tcp' }).answer, [
    `y.${encloser} 300 A 192.0.2.1`,
  ])
})
