import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

test('5: a record is in a reply once, though two records of the answer lead to it', () => {
  const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
example. 300 IN MX 5 mail.example.
example. 300 IN MX 10 other.example.
example. 300 IN MX 20 mail.example.
_x._tcp.example. 300 IN SRV 1 1 25 mail.example.
_x._tcp.example. 300 IN SRV 1 1 26 mail.example.
ns.example. 300 IN A 192.0.2.1
mail.example. 300 IN A 192.0.2.2
mail.example. 300 IN AAAA 2001:db8::2
other.example. 300 IN A 192.0.2.3`)
  const mail = ['mail.example. 300 A 192.0.2.2', 'mail.example. 300 AAAA 2001:db8::2']
  assert.deepEqual(ask(nameserver, 'example.', 'MX').additional, [...mail, 'other.example. 300 A 192.0.2.3'])
  assert.deepEqual(ask(nameserver, '_x._tcp.example.', 'SRV').additional, mail)
})

test('5: a DNAME is in a reply once, though it is asked for at the end of the chain that it makes', () => {
  const nameserver = serve(`example. 300 IN SOA ns. host. 1 2 3 4 60
example. 300 IN NS ns.
d.c.example. 77 IN DNAME c.example.`)
  assert.deepEqual(ask(nameserver, 'd.d.c.example.', 'DNAME').answer, [
    'd.c.example. 77 DNAME c.example.',
    'd.d.c.example. 77 CNAME d.c.example.',
  ])
})

test('5: a DNAME that a wildcard gives to another name is another record', () => {
  const nameserver = serve(`example. 300 IN SOA ns. host. 1 2 3 4 60
example. 300 IN NS ns.
*.example. 77 IN DNAME example.`)
  assert.deepEqual(ask(nameserver, 'c.*.example.', 'DNAME').answer, [
    '*.example. 77 DNAME example.',
    'c.*.example. 77 CNAME c.example.',
    'c.example. 77 DNAME example.',
  ])
})

test('9: an rrset that no message holds is answered with TC, over TCP too', () => {
  const lines = Array.from({ length: 300 }, (_, i) => `big.example. 300 IN TXT "${i}${'x'.repeat(240)}"`)
  const nameserver = serve(`example. 300 IN SOA ns. host. 1 2 3 4 60
example. 300 IN NS ns.
${lines.join('\n')}`)
  const told = ask(nameserver, 'big.example.', 'TXT', { transport: 'tcp' })
  assert.deepEqual([told.rcode, told.tc, told.answer.length], [RCODE.NOERROR, true, 0])
})
