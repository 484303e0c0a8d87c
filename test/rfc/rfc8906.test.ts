import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, queryOf, send, serve } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.`)

test('8.1.1: the SOA is answered, with AA', () => {
  const told = ask(nameserver, 'example.', 'SOA')
  assert.deepEqual([told.rcode, told.aa, told.answer.length], [RCODE.NOERROR, true, 1])
})

test('8.1.2: a type that is not known is no data', () => {
  for (const type of ['TYPE1000', 'TYPE0', 'TYPE65535', 'RRSIG', 'NSEC', 'NSEC3']) {
    const told = ask(nameserver, 'example.', type)
    assert.deepEqual(
      [told.rcode, told.aa, told.answer.length, told.authority.length],
      [RCODE.NOERROR, true, 0, 1],
      type,
    )
  }
})

test('8.1.3: flags of the query, known or not, change nothing and do not come back', () => {
  for (const flags of [0x0010, 0x0020, 0x0040, 0x0080, 0x0200, 0x0400]) {
    const told = ask(nameserver, 'example.', 'SOA', { flags })
    assert.deepEqual([told.rcode, told.flags & 0x02e0], [RCODE.NOERROR, 0])
  }
})

test('8.1.4: an opcode that is not known is NOTIMP, without AA, with and without a question', () => {
  for (const opcode of [1, 2, 3, 5, 6, 15]) {
    for (const qclass of [1, 3, 254, 255]) {
      const told = ask(nameserver, 'example.', 'SOA', { opcode, class: qclass })
      assert.deepEqual([told.rcode, told.aa, (told.flags >> 11) & 15], [RCODE.NOTIMP, false, opcode])
    }
    const bare = new Uint8Array(12)
    bare[2] = opcode << 3
    const told = send(nameserver, bare)
    assert.deepEqual([told?.rcode, told?.octets.length], [RCODE.NOTIMP, 12])
  }
})

test('8.2: EDNS with an unknown version, option and flag together is BADVERS with an OPT', () => {
  const told = ask(nameserver, 'example.', 'SOA', {
    edns: 4096,
    version: 100,
    dnssecOk: true,
    options: Uint8Array.of(0, 100, 0, 0),
  })
  assert.deepEqual(
    [told.rcode, told.opt?.version, told.opt?.dnssecOk, told.answer.length],
    [RCODE.BADVERS, 0, true, 0],
  )
})

test('types about messages are no questions', () => {
  for (const type of ['TYPE41', 'TYPE249', 'TYPE250'])
    assert.equal(ask(nameserver, 'example.', type).rcode, RCODE.FORMERR)
  for (const type of ['TYPE253', 'TYPE254'])
    assert.equal(ask(nameserver, 'example.', type).rcode, RCODE.NOTIMP)
})

test('a query that is a response is met with silence', () => {
  assert.equal(send(nameserver, queryOf('example.', 'SOA', { flags: 0x8000 })), undefined)
})
