/** Zones that hold DNSSEC records (RFC 4035), served without adding any to an answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.elsewhere.
www.example. 300 IN CNAME host.example.
www.example. 300 IN RRSIG CNAME 8 2 300 1 0 1 example. AQ==
plain.example. 300 IN CNAME host.example.
host.example. 300 IN A 192.0.2.1`)

test('2.5: a question for the signatures or the NSEC of an alias is not led away by it', () => {
  assert.equal(ask(nameserver, 'www.example.', 'RRSIG').answer.length, 1)
  for (const type of ['RRSIG', 'NSEC']) {
    const told = ask(nameserver, 'plain.example.', type)
    assert.deepEqual([told.answer.length, told.authority.length], [0, 1])
  }
  assert.equal(ask(nameserver, 'plain.example.', 'A').answer.length, 2)
})
