import assert from 'node:assert/strict'
import { test } from 'node:test'
import dnsPacket from 'dns-packet'
import fc from 'fast-check'
import { Client } from '../../src/nameserver/client.ts'
import { OPTION, option, serveOptions } from './edns-options.ts'
import { queryOf } from './zones.ts'

const LABELS = Array.from({ length: 60 }, (_, i) => `many.example. 300 IN TXT "${'t'.repeat(40)}${i}"`).join(
  '\n',
)
const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
*.w.example. 300 IN CNAME loop.w.example.
sub.example. 300 IN NS ns.sub.example.
ns.sub.example. 300 IN AAAA 2001:db8::1
d.example. 300 IN DNAME d.d.example.
c.example. 300 IN CNAME x.d.example.
mail.example. 300 IN MX 5 ns.example.
${LABELS}`
const TIME_LIMIT = 2500
const EVERY_OPTION = Buffer.concat(
  Object.values(OPTION).map(code => option(code, code === OPTION.COOKIE ? '01'.repeat(8) : '')),
)

const room = new Uint8Array(65_535)
const nameserver = serveOptions([ZONE])

/** What must hold of the reply to any octets. Returns its length. */
function check(query: Uint8Array, transport: 'udp' | 'tcp'): number {
  const length = nameserver.respond(query, query.length, room, new Client(transport))
  assert.equal(nameserver.counts.faults, 0)
  if (query.length < 12 || ((query[2] ?? 0) & 0x80) !== 0) assert.equal(length, 0)
  if (length === 0) return 0
  assert.ok(length >= 12 && length <= (transport === 'udp' ? 1232 : 65_535))
  assert.deepEqual([room[0], room[1]], [query[0], query[1]])
  assert.equal((room[2] ?? 0) & 0x80, 0x80)
  dnsPacket.decode(Buffer.from(room.subarray(0, length)))
  return length
}

test('random octets are survived, in silence or with a well-formed reply', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('udp', 'tcp'), (octets, transport) => {
      check(octets, transport)
    }),
    { numRuns: 20_000, interruptAfterTimeLimit: TIME_LIMIT },
  )
})

const qname = fc
  .array(
    fc.constantFrom(
      'example',
      'w',
      'd',
      'sub',
      'ns',
      'loop',
      'many',
      'c',
      'mail',
      'x',
      '*',
      '\\000',
      'EXAMPLE',
    ),
    { maxLength: 8 },
  )
  .map(labels => `${[...labels, 'example'].join('.')}.`)
/** Options that matter to us with data of the right length or any other, and octets that are no options. */
const options = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...Object.values(OPTION)),
        fc.oneof(fc.constantFrom(0, 0, 0, 2, 8, 24), fc.nat(48)),
      ),
      { maxLength: 8 },
    )
    .map(parts => Buffer.concat(parts.map(([code, length]) => option(code, '01'.repeat(length))))),
)
const query = fc.record({
  qname,
  qtype: fc.oneof(
    fc.constantFrom('A', 'NS', 'SOA', 'MX', 'TXT', 'ANY', 'CNAME', 'DNAME', 'DS'),
    fc.nat(65_535).map(type => `TYPE${type}`),
  ),
  edns: fc.option(fc.nat(65_535), { nil: undefined }),
  flags: fc.nat(0x7ff),
  options,
})
const mutation = fc.record({
  at: fc.nat(400),
  octet: fc.nat(255),
  kind: fc.constantFrom('set', 'cut', 'insert', 'none'),
})

test('queries with octets changed, cut and put in are survived too', () => {
  fc.assert(
    fc.property(
      query,
      fc.array(mutation, { maxLength: 4 }),
      fc.constantFrom('udp', 'tcp'),
      (asked, mutations, transport) => {
        const { edns, flags, options } = asked
        let octets: Buffer = Buffer.from(
          queryOf(asked.qname, asked.qtype, { flags, ...(edns === undefined ? {} : { edns, options }) }),
        )
        for (const { at, octet, kind } of mutations) {
          const place = at % (octets.length + 1)
          if (kind === 'set' && place < octets.length) octets[place] = octet
          if (kind === 'cut') octets = octets.subarray(0, place)
          if (kind === 'insert')
            octets = Buffer.concat([octets.subarray(0, place), Buffer.of(octet), octets.subarray(place)])
        }
        check(octets, transport)
      },
    ),
    { numRuns: 20_000, interruptAfterTimeLimit: TIME_LIMIT },
  )
})

test('no UDP reply is longer than the client takes', () => {
  for (const [edns, most] of [
    [undefined, 512],
    [0, 512],
    [600, 600],
    [1232, 1232],
    [65_535, 1232],
  ] as const) {
    for (const [name, type] of [
      ['many.example.', 'TXT'],
      ['c.example.', 'A'],
      ['x.d.example.', 'A'],
    ] as const) {
      for (const options of [new Uint8Array(0), EVERY_OPTION]) {
        const length = check(queryOf(name, type, edns === undefined ? {} : { edns, options }), 'udp')
        assert.ok(length > 0 && length <= most, `${length} > ${most}`)
      }
    }
  }
})
