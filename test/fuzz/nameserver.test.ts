/** The nameserver as a function: any octets in, silence or one well-formed reply out, for a bounded amount of work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import dnsPacket from 'dns-packet'
import fc from 'fast-check'
import { Client, type Transport } from '../../src/engine/client.ts'
import { CookieSecrets } from '../../src/engine/cookie-secrets.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { newRateLimitBuckets } from '../../src/engine/rate-limit.ts'
import { OPTION, option } from '../engine/edns-options.ts'
import { catalogOf, queryOf, serve, wire } from '../engine/zones.ts'
import { CountedOctets } from './counted-octets.ts'
import { assertReply, wantsSilence } from './expected-reply.ts'
import { changed, changes, fuzz } from './fuzz.ts'
import { COSTLY, costlyMessage, hostileMessage } from './hostile-message.ts'
import { CHILD, ZONE } from './hostile-zones.ts'

/**
 * Looks at each octet that a message may cost, and for the answer besides. A record takes 12 octets at least, and its
 * owner at most 16 pointers of three looks and 127 labels: 15 looks an octet.
 */
const LOOKS_AN_OCTET = 16
const LOOKS_FOR_AN_ANSWER = 30_000

const EVERY_OPTION = Buffer.concat(
  Object.values(OPTION).map(code => option(code, code === OPTION.COOKIE ? '01'.repeat(8) : '')),
)
const transport = fc.constantFrom<Transport>('udp', 'tcp')
const room = Buffer.alloc(65_535)
const nameserver = serve(ZONE, CHILD)
const everything = new Nameserver({
  catalog: catalogOf(ZONE, CHILD),
  nsid: 'n'.repeat(255),
  version: 'v'.repeat(255),
  hostname: '',
  keys: [{ name: wire('example.'), algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 1) }],
  cookieSecrets: new CookieSecrets().buffer,
  tcpIdleMs: 10_000,
  rateLimit: {
    buckets: newRateLimitBuckets(Buffer.alloc(16, 3)),
    responsesPerSecond: 1_000_000,
    allPerSecond: 1_000_000,
    slip: 1,
  },
})

/** Sends octets to a nameserver and looks at what comes back; returns its length. */
function check(message: Uint8Array, via: Transport, asked = nameserver): number {
  const length = asked.respond(message, message.length, room, new Client(via))
  assert.equal(asked.counts.faults, 0)
  if (wantsSilence(message)) assert.equal(length, 0)
  else assertReply(Buffer.from(message), room.subarray(0, length), via)
  return length
}

for (const [which, asked] of [
  ['a nameserver', nameserver],
  ['a nameserver with keys, cookies, limits and long names of its own', everything],
] as const) {
  fuzz(
    `${which} answers hostile messages with silence or one well-formed reply`,
    fc.property(hostileMessage, transport, (message, via) => void check(message, via, asked)),
  )
}

fuzz(
  'random octets are met with silence or one well-formed reply',
  fc.property(fc.uint8Array({ maxLength: 300 }), transport, (message, via) => void check(message, via)),
)

const qname = fc
  .array(fc.constantFrom('w', 'd', 'sub', 'ns', 'loop', 'many', 'c', 'mail', 'x', '*', '\\000', 'EXAMPLE'), {
    maxLength: 8,
  })
  .map(labels => [...labels, 'example.'].join('.'))
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
const query = fc
  .record({
    qname,
    qtype: fc.oneof(
      fc.constantFrom('A', 'NS', 'SOA', 'MX', 'TXT', 'ANY', 'CNAME', 'DNAME', 'DS', 'SRV'),
      fc.nat(65_535).map(type => `TYPE${type}`),
    ),
    edns: fc.option(fc.nat(65_535), { nil: undefined }),
    flags: fc.nat(0x7ff),
    options,
  })
  .map(({ qname, qtype, edns, flags, options }) =>
    queryOf(qname, qtype, { flags, ...(edns === undefined ? {} : { edns, options }) }),
  )

fuzz(
  'queries with octets changed, cut and put in are met with silence or one well-formed reply',
  fc.property(query, changes, transport, (octets, list, via) => {
    const reply = room.subarray(0, check(changed(octets, list), via, everything))
    if (reply.length > 0) dnsPacket.decode(Buffer.from(reply))
  }),
)

fuzz(
  'the work on a message is bounded by its length',
  fc.property(hostileMessage, transport, (message, via) => assertBounded(message, via)),
)

for (const kind of COSTLY) {
  test(`64 KB of ${kind} cost no more work an octet than a short message`, () => {
    for (const opcode of [0, 4, 5]) assertBounded(costlyMessage({ kind, size: 65_535, opcode }), 'tcp')
  })
}

function assertBounded(message: Uint8Array, via: Transport): void {
  const counted = new CountedOctets(message)
  everything.respond(counted.octets, message.length, room, new Client(via))
  assert.equal(everything.counts.faults, 0)
  const most = message.length * LOOKS_AN_OCTET + LOOKS_FOR_AN_ANSWER
  assert.ok(counted.reads <= most, `${counted.reads} looks at ${message.length} octets`)
}

test('no UDP reply is longer than the client takes', () => {
  const sizes = [
    [undefined, 512],
    [0, 512],
    [600, 600],
    [1232, 1232],
    [65_535, 1232],
  ] as const
  const questions = [
    ['many.example.', 'TXT'],
    ['c.example.', 'A'],
    ['x.d.example.', 'A'],
  ] as const
  for (const [edns, most] of sizes) {
    for (const [name, type] of questions) {
      for (const options of [new Uint8Array(0), EVERY_OPTION]) {
        const length = check(
          queryOf(name, type, edns === undefined ? {} : { edns, options }),
          'udp',
          everything,
        )
        assert.ok(length > 0 && length <= most, `${length} > ${most}`)
      }
    }
  }
})
