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

const chains = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.elsewhere.
example. 300 IN HTTPS 0 pool.example.
pool.example. 300 IN HTTPS 1 . port=443
pool.example. 300 IN HTTPS 2 backup.example.
pool.example. 300 IN A 192.0.2.1
pool.example. 300 IN AAAA 2001:db8::1
backup.example. 300 IN A 192.0.2.2
loop.example. 300 IN HTTPS 0 pool2.example.
pool2.example. 300 IN HTTPS 0 loop.example.
own.example. 300 IN HTTPS 0 .
own.example. 300 IN A 192.0.2.3
cut.example. 300 IN NS ns.cut.example.
ns.cut.example. 300 IN A 192.0.2.4
www.cut.example. 300 IN HTTPS 1 .
hidden.example. 300 IN HTTPS 0 www.cut.example.`)

const POOL = '04706f6f6c076578616d706c6500'
const PORT = '0003000201bb'
const POOL_RECORDS = [
  `pool.example. 300 HTTPS 000100${PORT}`,
  'pool.example. 300 HTTPS 0002066261636b7570076578616d706c6500',
]
const POOL_ADDRESSES = ['pool.example. 300 A 192.0.2.1', 'pool.example. 300 AAAA 2001:db8::1']
const BACKUP_ADDRESS = 'backup.example. 300 A 192.0.2.2'

test('4.1: an alias comes with the records of its target, and the addresses that those name, each once', () => {
  const told = ask(chains, 'example.', 'HTTPS')
  assert.deepEqual(told.answer, [`example. 300 HTTPS 0000${POOL}`])
  assert.deepEqual(told.additional, [...POOL_RECORDS, ...POOL_ADDRESSES, BACKUP_ADDRESS])
})

test('4.1: a service comes with the addresses of its targets, of which the root is the owner', () => {
  assert.deepEqual(ask(chains, 'pool.example.', 'HTTPS').additional, [...POOL_ADDRESSES, BACKUP_ADDRESS])
})

test('2.5.1: an alias for the root stands for nothing', () => {
  assert.deepEqual(ask(chains, 'own.example.', 'HTTPS').additional, [])
})

test('aliases in a ring end, and the answer is not repeated', () => {
  assert.equal(ask(chains, 'loop.example.', 'HTTPS').additional.length, 1)
})

test('records below a cut are not ours to add', () => {
  assert.deepEqual(ask(chains, 'hidden.example.', 'HTTPS').additional, [])
})
