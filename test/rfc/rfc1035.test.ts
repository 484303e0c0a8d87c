import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, queryOf, send, serve, wire } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1`)

/** A header with a question count of one and whatever octets follow it. */
function message(counts: readonly number[], ...parts: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(12)
  for (const [i, count] of counts.entries()) head.writeUInt16BE(count, 4 + 2 * i)
  return Buffer.concat([head, ...parts])
}

const A_IN = Uint8Array.of(0, 1, 0, 1)

test('4.1.1: RD and CD come back, RA, AD and Z do not', () => {
  const told = ask(nameserver, 'ns.example.', 'A', { flags: 0x07f0 })
  assert.equal(told.flags, 0x8000 | 0x0400 | 0x0100 | 0x0010)
})

test('4.1.1: the id comes back', () => {
  assert.equal(ask(nameserver, 'ns.example.', 'A', { id: 0xbeef }).id, 0xbeef)
})

test('AA is set on answers and on denials, not on refusals', () => {
  assert.equal(ask(nameserver, 'ns.example.', 'A').aa, true)
  assert.equal(ask(nameserver, 'ns.example.', 'MX').aa, true)
  assert.equal(ask(nameserver, 'no.example.', 'A').aa, true)
  assert.equal(ask(nameserver, 'no.', 'A').aa, false)
})

test('4.1.4: a pointer in the question is malformed, wherever it points', () => {
  for (const target of [0, 11, 12, 13, 200, 0x3fff]) {
    const pointer = Uint8Array.of(0xc0 | (target >> 8), target & 255)
    assert.equal(send(nameserver, message([1], pointer, A_IN))?.rcode, RCODE.FORMERR)
    assert.equal(send(nameserver, message([1], Uint8Array.of(1, 97), pointer, A_IN))?.rcode, RCODE.FORMERR)
  }
})

test('2.3.4: label types 0x40 and 0x80 and labels of 64 octets are malformed, 63 are not', () => {
  for (const length of [0x40, 0x80, 0xbf]) {
    const name = Buffer.concat([Uint8Array.of(length), Buffer.alloc(length, 0x61), Uint8Array.of(0)])
    assert.equal(send(nameserver, message([1], name, A_IN))?.rcode, RCODE.FORMERR)
  }
  assert.equal(ask(nameserver, `${'a'.repeat(63)}.example.`, 'A').rcode, RCODE.NXDOMAIN)
})

test('2.3.4: a name of 255 octets is a name, one of 256 is malformed', () => {
  const long = (last: number) =>
    Buffer.concat([63, 63, 63, last].map(n => Buffer.concat([Uint8Array.of(n), Buffer.alloc(n, 97)])))
  assert.equal(send(nameserver, message([1], long(61), Uint8Array.of(0), A_IN))?.rcode, RCODE.REFUSED)
  assert.equal(send(nameserver, message([1], long(62), Uint8Array.of(0), A_IN))?.rcode, RCODE.FORMERR)
})

test('counts that promise more than there is are malformed, as are octets behind the end', () => {
  const question = queryOf('ns.example.', 'A')
  assert.equal(send(nameserver, Buffer.concat([question, Uint8Array.of(0)]))?.rcode, RCODE.FORMERR)
  assert.equal(send(nameserver, message([1, 0, 0, 1], wire('ns.example.'), A_IN))?.rcode, RCODE.FORMERR)
  assert.equal(send(nameserver, message([1], wire('ns.example.'), A_IN.subarray(0, 3)))?.rcode, RCODE.FORMERR)
  assert.equal(send(nameserver, message([1]))?.rcode, RCODE.FORMERR)
})

test('records in the answer or authority section of a query are malformed', () => {
  const record = Buffer.concat([wire('x.'), A_IN, Buffer.alloc(6)])
  assert.equal(send(nameserver, message([1, 1], wire('ns.example.'), A_IN, record))?.rcode, RCODE.FORMERR)
  assert.equal(send(nameserver, message([1, 0, 1], wire('ns.example.'), A_IN, record))?.rcode, RCODE.FORMERR)
})

test('pointers in additional records must point back, and not around in a circle', () => {
  const question = Buffer.concat([wire('ns.example.'), A_IN])
  const at = 12 + question.length
  const fixed = Buffer.concat([A_IN, Buffer.alloc(6)])
  for (const [target, rcode] of [
    [12, RCODE.NOERROR],
    [at, RCODE.FORMERR],
    [at + 4, RCODE.FORMERR],
    [4, RCODE.FORMERR],
  ] as const) {
    const pointer = Uint8Array.of(0xc0 | (target >> 8), target & 255)
    assert.equal(
      send(nameserver, message([1, 0, 0, 1], question, pointer, fixed))?.rcode,
      rcode,
      `pointer to ${target}`,
    )
  }
})

test('labels may hold any octet: dots, spaces, NUL, eight bits', () => {
  const odd = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
a\\.b.example. 300 IN A 192.0.2.1
\\000.example. 300 IN A 192.0.2.2
\\255\\032.example. 300 IN A 192.0.2.3`)
  assert.equal(ask(odd, 'a\\.b.example.', 'A').answer.length, 1)
  assert.equal(ask(odd, 'a.b.example.', 'A').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(odd, '\\000.example.', 'A').answer.length, 1)
  assert.equal(ask(odd, '\\255\\032.example.', 'A').answer.length, 1)
})

test('4.2.1: without EDNS a UDP reply has 512 octets at most, and says so with TC', () => {
  const text = Array.from({ length: 20 }, (_, i) => `t.example. 300 IN TXT "${'x'.repeat(30)}${i}"`).join(
    '\n',
  )
  const large = serve(
    `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.\n${text}`,
  )
  const told = ask(large, 't.example.', 'TXT')
  assert.deepEqual([told.tc, told.answer.length], [true, 0])
  const whole = ask(large, 't.example.', 'TXT', { transport: 'tcp' })
  assert.deepEqual([whole.tc, whole.answer.length], [false, 20])
})
