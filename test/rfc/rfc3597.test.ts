import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, serve } from '../engine/zones.ts'

const TARGET = '026e73076578616d706c6500' // ns.example. in wire form
const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
u.example. 300 IN TYPE65280 \\# 12 ${TARGET}
e.example. 300 IN TYPE731 \\# 0
s.example. 300 IN SRV 1 2 53 ns.example.
d.example. 300 IN DNAME ns.example.
m.example. 300 IN MX 10 ns.example.`)

test('3: a type that is not known is answered with its octets as they are', () => {
  assert.deepEqual(ask(nameserver, 'u.example.', 'TYPE65280').answer, [`u.example. 300 TYPE65280 ${TARGET}`])
  assert.deepEqual(ask(nameserver, 'e.example.', 'TYPE731').answer, ['e.example. 300 TYPE731 '])
})

test('4: names in SRV and DNAME are not compressed', () => {
  for (const [name, type] of [
    ['s.example.', 'SRV'],
    ['d.example.', 'DNAME'],
  ] as const) {
    const { octets } = ask(nameserver, name, type)
    assert.ok(octets.includes(Buffer.from(TARGET, 'hex')), type)
  }
})

test('4: names in the types of RFC 1035 are compressed', () => {
  const { octets } = ask(nameserver, 'm.example.', 'MX')
  const apex = Buffer.from('\x07example', 'latin1')
  assert.equal(octets.lastIndexOf(apex), octets.indexOf(apex))
})
