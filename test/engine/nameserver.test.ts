import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { ask, catalogOf, queryOf, send, serve, serveCatalog, wire } from './zones.ts'

const FORWARD = `freenet6.net. 300 IN SOA ns1.freenet6.net. host.freenet6.net. 1 2 3 4 60
freenet6.net. 300 IN NS ns1.freenet6.net.
ns1.freenet6.net. 300 IN A 192.0.2.1
mail.freenet6.net. 300 IN MX 10 ns1.freenet6.net.
_dns._udp.freenet6.net. 300 IN SRV 0 0 53 ns1.freenet6.net.`
const REVERSE = `6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 300 IN SOA ns1.freenet6.net. host.freenet6.net. 1 2 3 4 60
6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 300 IN NS ns1.freenet6.net.`
const POINTER = '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'
const ADDRESS = Buffer.from('20010db800f600010000000000000002', 'hex')

function tunnel(): {
  up: Parameters<ReturnType<typeof catalogOf>['commit']>[0]
  down: Parameters<ReturnType<typeof catalogOf>['commit']>[0]
} {
  const host = wire('h1.ca.freenet6.net.')
  const pointer = wire(POINTER)
  return {
    up: [
      { kind: 'put', rrset: { owner: host, type: TYPE.AAAA, ttl: 60, rdatas: [ADDRESS] } },
      { kind: 'put', rrset: { owner: pointer, type: TYPE.PTR, ttl: 60, rdatas: [host] } },
    ],
    down: [
      { kind: 'remove', owner: host, type: TYPE.AAAA },
      { kind: 'remove', owner: pointer, type: TYPE.PTR },
    ],
  }
}

test('a commit is answered from at once, forwards and backwards, and gone at once', () => {
  const catalog = catalogOf(FORWARD, REVERSE)
  const nameserver = serveCatalog(catalog)
  assert.equal(ask(nameserver, 'h1.ca.freenet6.net.', 'AAAA').rcode, RCODE.NXDOMAIN)
  catalog.commit(tunnel().up)
  assert.deepEqual(ask(nameserver, 'h1.ca.freenet6.net.', 'AAAA').answer, [
    'h1.ca.freenet6.net. 60 AAAA 2001:db8:f6:1::2',
  ])
  assert.deepEqual(ask(nameserver, POINTER, 'PTR').answer, [`${POINTER} 60 PTR h1.ca.freenet6.net.`])
  catalog.commit(tunnel().down)
  assert.equal(ask(nameserver, 'h1.ca.freenet6.net.', 'AAAA').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(nameserver, 'ca.freenet6.net.', 'AAAA').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(nameserver, POINTER, 'PTR').rcode, RCODE.NXDOMAIN)
})

test('after the table has grown, answers are those of the grown table', () => {
  const catalog = catalogOf(FORWARD)
  const nameserver = serveCatalog(catalog)
  const before = catalog.buffer.byteLength
  for (let i = 0; i < 3000; i++) {
    const rrset = { owner: wire(`h${i}.ca.freenet6.net.`), type: TYPE.AAAA, ttl: 60, rdatas: [ADDRESS] }
    catalog.commit([{ kind: 'put', rrset }])
    if (i % 500 === 0) assert.equal(ask(nameserver, `h${i}.ca.freenet6.net.`, 'AAAA').answer.length, 1)
  }
  assert.ok(catalog.buffer.byteLength > before)
})

test('addresses of mail and service hosts in the zone come along', () => {
  const nameserver = serve(FORWARD)
  assert.deepEqual(ask(nameserver, 'mail.freenet6.net.', 'MX').additional, [
    'ns1.freenet6.net. 300 A 192.0.2.1',
  ])
  assert.deepEqual(ask(nameserver, '_dns._udp.freenet6.net.', 'SRV').additional, [
    'ns1.freenet6.net. 300 A 192.0.2.1',
  ])
})

test('a transfer is refused over TCP with a reason, and is no question for UDP', () => {
  const nameserver = serve(FORWARD)
  const told = ask(nameserver, 'freenet6.net.', 'AXFR', { transport: 'tcp', edns: 1232 })
  assert.equal(told.rcode, RCODE.REFUSED)
  assert.deepEqual(told.opt?.options.get(15), Buffer.from([0, 18]))
  assert.equal(ask(nameserver, 'freenet6.net.', 'AXFR').rcode, RCODE.FORMERR)
  assert.equal(ask(nameserver, 'freenet6.net.', 'IXFR').rcode, RCODE.REFUSED)
  assert.equal(ask(nameserver, 'elsewhere.', 'AXFR', { transport: 'tcp' }).rcode, RCODE.NOTAUTH)
})

test('a NOTIFY for our zone is refused, for another zone we are not authoritative', () => {
  const nameserver = serve(FORWARD)
  assert.equal(ask(nameserver, 'freenet6.net.', 'SOA', { opcode: 4 }).rcode, RCODE.REFUSED)
  assert.equal(ask(nameserver, 'elsewhere.', 'SOA', { opcode: 4 }).rcode, RCODE.NOTAUTH)
  assert.equal(ask(nameserver, 'freenet6.net.', 'SOA', { opcode: 4, class: 254 }).rcode, RCODE.NOTAUTH)
})

test('classes but IN and CH are refused', () => {
  const nameserver = serve(FORWARD)
  for (const qclass of [0, 2, 4, 254, 255, 65_535]) {
    assert.equal(ask(nameserver, 'freenet6.net.', 'SOA', { class: qclass }).rcode, RCODE.REFUSED)
  }
})

test('a zone that failed to load is SERVFAIL, and only that one', () => {
  const catalog = catalogOf(FORWARD)
  catalog.putFailedZone(wire('broken.net.'))
  const nameserver = serveCatalog(catalog)
  const told = ask(nameserver, 'x.broken.net.', 'A', { edns: 1232 })
  assert.equal(told.rcode, RCODE.SERVFAIL)
  assert.deepEqual(told.opt?.options.get(15), Buffer.from([0, 14]))
  assert.equal(ask(nameserver, 'ns1.freenet6.net.', 'A').rcode, RCODE.NOERROR)
})

test('what happens is counted', () => {
  const nameserver = serve(FORWARD)
  ask(nameserver, 'ns1.freenet6.net.', 'A')
  ask(nameserver, 'no.freenet6.net.', 'A')
  ask(nameserver, 'elsewhere.', 'A')
  send(nameserver, new Uint8Array(5))
  const { queries, dropped, noerror, nxdomain, refused, faults } = nameserver.counts
  assert.deepEqual(
    { queries, dropped, noerror, nxdomain, refused, faults },
    { queries: 4, dropped: 1, noerror: 1, nxdomain: 1, refused: 1, faults: 0 },
  )
})

test('an rrset that does not fit even TCP is truncated, never cut', () => {
  const catalog = catalogOf(FORWARD)
  const rdatas = [new Uint8Array(65_000).fill(1), new Uint8Array(65_000).fill(2)]
  catalog.commit([{ kind: 'put', rrset: { owner: wire('big.freenet6.net.'), type: 65_280, ttl: 1, rdatas } }])
  const told = ask(serveCatalog(catalog), 'big.freenet6.net.', 'TYPE65280', { transport: 'tcp' })
  assert.equal(told.tc, true)
  assert.equal(told.answer.length, 0)
})

test('a message that is shorter than its buffer is read to its length only', () => {
  const nameserver = serve(FORWARD)
  const query = Buffer.concat([queryOf('ns1.freenet6.net.', 'A'), Buffer.alloc(100, 0xff)])
  const room = new Uint8Array(512)
  const length = nameserver.respond(query, query.length - 100, room, new Client('udp'))
  assert.ok(length > 12)
  assert.equal((room[3] ?? 0) & 15, RCODE.NOERROR)
})

test('questions are counted by type, and replies that are cut', () => {
  const many = Array.from({ length: 40 }, (_, i) => `freenet6.net. 300 IN TXT "${'x'.repeat(40)}${i}"`)
  const nameserver = serve([FORWARD, ...many].join('\n'))
  ask(nameserver, 'ns1.freenet6.net.', 'A')
  ask(nameserver, 'freenet6.net.', 'TXT')
  send(nameserver, Buffer.concat([Buffer.alloc(11), Buffer.alloc(1)])) // no question
  const { typeA, typeTXT, typeOther, truncated } = nameserver.counts
  assert.deepEqual(
    { typeA, typeTXT, typeOther, truncated },
    { typeA: 1, typeTXT: 1, typeOther: 0, truncated: 1 },
  )
})

test('into a buffer with less room than any client takes nothing is written', () => {
  const nameserver = serve(FORWARD)
  const query = queryOf('ns1.freenet6.net.', 'A')
  const room = new Uint8Array(511)
  assert.equal(nameserver.respond(query, query.length, room, new Client('udp')), 0)
  assert.deepEqual(room, new Uint8Array(511))
  assert.equal(nameserver.counts.dropped, 1)
  assert.notEqual(nameserver.respond(query, query.length, new Uint8Array(512), new Client('udp')), 0)
})

test('a fault of ours is SERVFAIL with the query’s id, opcode and RD, and is counted', () => {
  const nameserver = serve(FORWARD)
  const query = queryOf('ns1.freenet6.net.', 'A', { id: 0xabcd, flags: 0x0110 })
  const room = new Uint8Array(512).fill(0xff)
  const client = new Client('udp')
  Object.defineProperty(client, 'transport', {
    get: () => {
      throw new Error('a fault')
    },
  })
  const length = nameserver.respond(query, query.length, room, client)
  assert.equal(Buffer.from(room.subarray(0, length)).toString('hex'), 'abcd81020000000000000000')
  const { faults, servfail } = nameserver.counts
  assert.deepEqual({ faults, servfail }, { faults: 1, servfail: 1 })
})

test('an NSID has 255 octets at most', () => {
  const options = { catalog: catalogOf(FORWARD), version: '', hostname: '' }
  assert.ok(new Nameserver({ ...options, nsid: 'x'.repeat(255) }))
  assert.throws(() => new Nameserver({ ...options, nsid: 'x'.repeat(256) }), RangeError)
})
