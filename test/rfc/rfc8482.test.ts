import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
a.b.example. 300 IN A 192.0.2.1
a.b.example. 300 IN A 192.0.2.2
a.b.example. 300 IN TXT "x"
c.example. 300 IN CNAME a.b.example.
sub.example. 300 IN NS ns.sub.example.`)

test('4.1: ANY is answered with one rrset, whole', () => {
  assert.deepEqual(ask(nameserver, 'a.b.example.', 'ANY').answer, [
    'a.b.example. 300 A 192.0.2.1',
    'a.b.example. 300 A 192.0.2.2',
  ])
})

test('ANY at a CNAME is that CNAME, and nothing is followed', () => {
  assert.deepEqual(ask(nameserver, 'c.example.', 'ANY').answer, ['c.example. 300 CNAME a.b.example.'])
})

test('ANY where there is nothing is denied as any other type is', () => {
  assert.equal(ask(nameserver, 'b.example.', 'ANY').rcode, RCODE.NOERROR)
  assert.equal(ask(nameserver, 'no.example.', 'ANY').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(nameserver, 'sub.example.', 'ANY').aa, false)
})
