import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, queryOf, serve } from '../engine/zones.ts'

const nameserver = serve(`Example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
WWW.example. 300 IN A 192.0.2.1
\\193.example. 300 IN A 192.0.2.2`)

test('3: names match in any case of ASCII letters', () => {
  for (const name of ['www.example.', 'WwW.eXaMpLe.', 'WWW.EXAMPLE.'])
    assert.equal(ask(nameserver, name, 'A').answer.length, 1)
})

test('the question comes back octet for octet, whatever the outcome', () => {
  for (const name of ['wWw.ExAmPlE.', 'nO.eXaMpLe.', 'eLsEwHeRe.']) {
    assert.deepEqual(ask(nameserver, name, 'A').question, Buffer.from(queryOf(name, 'A')).subarray(12))
  }
})

test('octets above 127 have no case', () => {
  assert.equal(ask(nameserver, '\\193.example.', 'A').answer.length, 1)
  assert.equal(ask(nameserver, '\\225.example.', 'A').rcode, RCODE.NXDOMAIN)
})
