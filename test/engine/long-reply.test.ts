import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import { ask, serve } from './zones.ts'

const FIRST = 1200
const ZONE = `example. 60 IN SOA a.example. h.example. 1 2 3 4 60
example. 60 IN NS a.example.
_dns._tcp.example. 60 IN SRV 0 0 53 a.hosts.example.
_dns._tcp.example. 60 IN SRV 0 0 53 b.hosts.example.
${Array.from({ length: FIRST }, (_, i) => `a.hosts.example. 60 IN A 10.0.${i >> 8}.${i & 255}`).join('\n')}
b.hosts.example. 60 IN A 10.9.0.1
b.hosts.example. 60 IN A 10.9.0.2`

test('names further behind than a pointer reaches are not pointed at, as another decoder sees', () => {
  const told = ask(serve(ZONE), '_dns._tcp.example.', 'SRV', { transport: 'tcp' })
  assert.ok(told.octets.length > 0x3fff + 100)
  const { additionals = [] } = decode(told.octets)
  const names = additionals.map(({ name }) => name)
  assert.equal(names.filter(name => name === 'a.hosts.example').length, FIRST)
  assert.equal(names.filter(name => name === 'b.hosts.example').length, 2)
  assert.equal(names.length, FIRST + 2)
})
