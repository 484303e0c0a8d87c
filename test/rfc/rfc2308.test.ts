import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

function zone(soaTtl: number, minimum: number): string {
  return `example. ${soaTtl} IN SOA ns.example. host.example. 1 2 3 4 ${minimum}
example. 300 IN NS ns.example.
a.b.example. 300 IN A 192.0.2.1
www.example. 300 IN CNAME a.b.example.
gone.example. 300 IN CNAME no.example.`
}

test('3: a denial carries the SOA with the smaller of its TTL and MINIMUM', () => {
  const soa = (ttl: number, minimum: number) => [
    `example. ${ttl} SOA ns.example. host.example. 1 2 3 4 ${minimum}`,
  ]
  for (const name of ['no.example.', 'b.example.']) {
    assert.deepEqual(ask(serve(zone(300, 60)), name, 'A').authority, soa(60, 60))
    assert.deepEqual(ask(serve(zone(30, 60)), name, 'A').authority, soa(30, 60))
  }
})

test('the SOA that is asked for keeps its own TTL', () => {
  assert.match(ask(serve(zone(300, 60)), 'example.', 'SOA').answer[0] ?? '', /^example\. 300 SOA/)
})

test('2.2: no data is NOERROR with an empty answer', () => {
  const told = ask(serve(zone(300, 60)), 'a.b.example.', 'AAAA')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 0, 1])
})

test('2.1: a chain to a name that does not exist has the CNAME and the SOA', () => {
  const told = ask(serve(zone(300, 60)), 'gone.example.', 'A')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NXDOMAIN, 1, 1])
})

test('a SOA that does not fit leaves TC', () => {
  const label = 'x'.repeat(60)
  const long = `${label}.${label}.${label}.`
  const zoneText = `example. 300 IN SOA ${long}m. ${long}r. 1 2 3 4 60\nexample. 300 IN NS ns.example.`
  const other = label.replaceAll('x', 'y')
  const told = ask(serve(zoneText), `${other}.${other}.${other}.example.`, 'A')
  assert.deepEqual([told.rcode, told.tc, told.authority.length], [RCODE.NXDOMAIN, true, 0])
})
