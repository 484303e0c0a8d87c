import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const EDE = 15
const nameserver = serve(
  'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.',
)

test('4.21: a refusal says "not authoritative" to who speaks EDNS', () => {
  const told = ask(nameserver, 'elsewhere.', 'A', { edns: 1232 })
  assert.deepEqual([told.rcode, told.opt?.options.get(EDE)], [RCODE.REFUSED, Buffer.from([0, 20])])
})

test('an answer carries no extended error', () => {
  assert.equal(ask(nameserver, 'example.', 'SOA', { edns: 1232 }).opt?.options.has(EDE), false)
})

test('RFC 9824 3.4: nobody asks for NXNAME: FORMERR with "invalid query type"', () => {
  const told = ask(nameserver, 'example.', 'NXNAME', { edns: 1232 })
  assert.deepEqual([told.rcode, told.opt?.options.get(EDE)], [RCODE.FORMERR, Buffer.from([0, 30])])
})
