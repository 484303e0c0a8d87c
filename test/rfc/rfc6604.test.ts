/** The rcode of a chain is that of its last name (RFC 6604 3), and so is the SOA of its denial. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(
  `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
there.example. 300 IN A 192.0.2.2
gone.example. 300 IN CNAME no.example.
nodata.example. 300 IN CNAME there.example.
abroad.example. 300 IN CNAME there.test.
abroad-gone.example. 300 IN CNAME no.test.
twice.example. 300 IN CNAME gone.example.
cut.example. 300 IN NS ns.cut.example.
ns.cut.example. 300 IN A 192.0.2.3
down.example. 300 IN CNAME www.cut.example.
outside.example. 300 IN CNAME www.elsewhere.
*.w.example. 300 IN CNAME no.example.
d.example. 300 IN DNAME test.`,
  `test. 300 IN SOA ns.test. host.test. 7 2 3 4 30
test. 300 IN NS ns.test.
there.test. 300 IN A 192.0.2.9`,
)
const SOA = 'example. 60 SOA ns.example. host.example. 1 2 3 4 60'
const TEST_SOA = 'test. 30 SOA ns.test. host.test. 7 2 3 4 30'

for (const [qname, qtype, rcode, links, authority] of [
  ['gone.example.', 'A', RCODE.NXDOMAIN, 1, [SOA]],
  ['twice.example.', 'A', RCODE.NXDOMAIN, 2, [SOA]],
  ['x.w.example.', 'A', RCODE.NXDOMAIN, 1, [SOA]],
  ['nodata.example.', 'AAAA', RCODE.NOERROR, 1, [SOA]],
  ['abroad-gone.example.', 'A', RCODE.NXDOMAIN, 1, [TEST_SOA]],
  ['abroad.example.', 'AAAA', RCODE.NOERROR, 1, [TEST_SOA]],
  ['no.d.example.', 'A', RCODE.NXDOMAIN, 2, [TEST_SOA]],
  ['outside.example.', 'A', RCODE.NOERROR, 1, []],
  ['down.example.', 'A', RCODE.NOERROR, 1, ['cut.example. 300 NS ns.cut.example.']],
] as const) {
  test(`3: ${qname} ${qtype} has the rcode and the authority of the end of its chain`, () => {
    const told = ask(nameserver, qname, qtype)
    assert.deepEqual(
      [told.rcode, told.aa, told.answer.length, told.authority],
      [rcode, true, links, authority],
    )
  })
}

test('3: a chain that is asked for by its own type is not followed, and exists', () => {
  const told = ask(nameserver, 'gone.example.', 'CNAME')
  assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 1, 0])
})

test('a chain into another zone of ours ends with the answer from there', () => {
  assert.deepEqual(ask(nameserver, 'abroad.example.', 'A').answer, [
    'abroad.example. 300 CNAME there.test.',
    'there.test. 300 A 192.0.2.9',
  ])
})
