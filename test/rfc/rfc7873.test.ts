import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from '../nameserver/zones.ts'

const nameserver = serve(
  'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.',
)

test('5.2.2: a COOKIE option of a length that no cookie has is malformed', () => {
  for (let length = 0; length <= 48; length++) {
    const options = Buffer.concat([Uint8Array.of(0, 10, 0, length), Buffer.alloc(length, 7)])
    const isCookie = length === 8 || (length >= 16 && length <= 40)
    const { rcode } = ask(nameserver, 'example.', 'SOA', { edns: 1232, options })
    assert.equal(rcode, isCookie ? RCODE.NOERROR : RCODE.FORMERR, `${length} octets`)
  }
})
