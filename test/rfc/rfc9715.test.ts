/** No UDP reply needs fragments (RFC 9715 3.1): 1232 octets at most, rrsets whole, TC where one is missing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, serve } from '../engine/zones.ts'

const RECORDS = 60
const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
${Array.from({ length: RECORDS }, (_, i) => `many.example. 300 IN TXT "${'x'.repeat(40)}${i}"`).join('\n')}
${Array.from({ length: 30 }, (_, i) => `mail.example. 300 IN MX ${i} host${i}.example.\nhost${i}.example. 300 IN AAAA 2001:db8::${i}`).join('\n')}`)

for (const [edns, most] of [
  [undefined, 512],
  [512, 512],
  [1232, 1232],
  [4096, 1232],
  [65_535, 1232],
] as const) {
  test(`3.1: with ${edns === undefined ? 'no EDNS' : `a size of ${edns}`} a reply has ${most} octets at most`, () => {
    const told = ask(nameserver, 'many.example.', 'TXT', edns === undefined ? {} : { edns })
    assert.ok(told.octets.length <= most)
    assert.deepEqual([told.tc, told.answer.length], [true, 0])
  })
}

test('RFC 2181 9: an rrset is whole or not there, never a part of it', () => {
  for (let edns = 512; edns < 1400; edns += 7) {
    const { answer, tc } = ask(nameserver, 'mail.example.', 'MX', { edns })
    assert.deepEqual(answer.length, tc ? 0 : 30)
  }
})

test('RFC 2181 9: what is only additional is left out without TC', () => {
  const told = ask(nameserver, 'mail.example.', 'MX', { edns: 1232 })
  assert.deepEqual([told.tc, told.answer.length], [false, 30])
  assert.ok(told.additional.length < 30)
})

test('over TCP all of it comes', () => {
  const told = ask(nameserver, 'many.example.', 'TXT', { transport: 'tcp' })
  assert.deepEqual([told.tc, told.answer.length], [false, RECORDS])
  assert.equal(ask(nameserver, 'mail.example.', 'MX', { transport: 'tcp' }).additional.length, 30)
})
