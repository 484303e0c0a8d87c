/** SVCB and HTTPS (RFC 9460): from the zone file onto the wire, octet for octet, their names never compressed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
example. 300 IN HTTPS 0 svc.example.
svc.example. 300 IN SVCB 1 . alpn="h2,h3" port=853 ipv4hint=192.0.2.1
svc.example. 300 IN A 192.0.2.1`)

const SVC = '03737663076578616d706c6500' // svc.example.

test('2.2: an alias at the apex has priority 0 and its target whole, in a reply that holds that name too', () => {
  assert.deepEqual(ask(nameserver, 'example.', 'HTTPS').answer, [`example. 300 HTTPS 0000${SVC}`])
})

test('2.2: parameters are in the order of their keys', () => {
  const alpn = '00010006026832026833'
  const port = '000300020355'
  const hint = '00040004c0000201'
  assert.deepEqual(ask(nameserver, 'svc.example.', 'SVCB').answer, [
    `svc.example. 300 SVCB 000100${alpn}${port}${hint}`,
  ])
})

test('a type that the owner lacks is no data: HTTPS is not SVCB', () => {
  const told = ask(nameserver, 'svc.example.', 'HTTPS')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 0, 1])
})
