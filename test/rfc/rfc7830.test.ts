import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { askAs, OPTION, option, serveOptions, toldOption } from '../engine/edns-options.ts'
import { catalogOf, serveCatalog, wire } from '../engine/zones.ts'

const TEXTS = Array.from({ length: 50 }, (_, i) => `big.example. 300 IN TXT "${'x'.repeat(40)}${i}"`)
const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
${TEXTS.join('\n')}`
const PADDING = option(OPTION.PADDING)
const BLOCK = 468
const nameserver = serveOptions([ZONE])

test('RFC 8467 4.1: over TCP a padded query gets a reply of a multiple of 468 octets', () => {
  for (const [question, blocks] of [
    [['example.', 'SOA'], 1],
    [['elsewhere.', 'A'], 1],
    [['big.example.', 'TXT'], 6],
  ] as const) {
    for (const query of [PADDING, option(OPTION.PADDING, '00'.repeat(77))]) {
      const told = askAs(nameserver, question, [query], { transport: 'tcp' })
      assert.equal(told.octets.length, blocks * BLOCK)
    }
  }
})

test('RFC 8467 4.1: whatever else the reply holds, its length is a multiple of 468', () => {
  const others = [
    option(OPTION.NSID),
    option(OPTION.COOKIE, '2464c4abcf10c957'),
    option(OPTION.KEEPALIVE),
    option(OPTION.EXPIRE),
    option(OPTION.ZONEVERSION),
  ]
  for (let length = 1; length <= 63; length++) {
    const question = [`${'n'.repeat(length)}.example.`, 'SOA'] as const
    const told = askAs(nameserver, question, [PADDING, ...others.slice(length % 6)], { transport: 'tcp' })
    assert.equal(told.octets.length, BLOCK, `a label of ${length} octets`)
  }
})

test('3: the padding is zeros, whatever the buffer held before', () => {
  const told = askAs(nameserver, ['example.', 'SOA'], [PADDING], { transport: 'tcp' })
  assert.match(toldOption(told, OPTION.PADDING) ?? '', /^(?:00){100,}$/)
})

test('who does not pad its query gets no padding', () => {
  const told = askAs(nameserver, ['example.', 'SOA'], [option(OPTION.NSID)], { transport: 'tcp' })
  assert.equal(toldOption(told, OPTION.PADDING), undefined)
})

test('over UDP nothing is padded: it would be amplification', () => {
  const told = askAs(nameserver, ['example.', 'SOA'], [PADDING])
  assert.deepEqual([told.rcode, told.opt?.options.size], [RCODE.NOERROR, 0])
  assert.ok(told.octets.length < BLOCK)
})

test('RFC 8467 A.1: a long reply is padded to the end of what a message can be, or not at all', () => {
  const catalog = catalogOf(ZONE)
  const lastBlock = Math.floor(65_535 / BLOCK) * BLOCK
  const outcomes = new Set<number>()
  for (let length = 65_455; length <= 65_482; length++) {
    const rdatas = [new Uint8Array(length).fill(1)]
    catalog.commit([{ kind: 'put', rrset: { owner: wire('long.example.'), type: 65_280, ttl: 1, rdatas } }])
    const server = serveCatalog(catalog)
    const plain = askAs(server, ['long.example.', 'TYPE65280'], [], { transport: 'tcp' }).octets.length
    const told = askAs(server, ['long.example.', 'TYPE65280'], [PADDING], { transport: 'tcp' })
    assert.deepEqual([told.tc, told.answer.length], [false, 1])
    const expected = plain + 4 <= lastBlock ? lastBlock : plain + 4 <= 65_535 ? 65_535 : plain
    assert.equal(told.octets.length, expected, `${plain} octets before`)
    outcomes.add(expected)
  }
  assert.ok(outcomes.has(lastBlock) && outcomes.has(65_535) && outcomes.has(65_533))
})
