import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, optOf, queryOf, send, serve } from '../engine/zones.ts'

const text = Array.from({ length: 60 }, (_, i) => `t.example. 300 IN TXT "${'x'.repeat(30)}${i}"`).join('\n')
const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
${text}`)

function withOpts(...opts: readonly Uint8Array[]): Uint8Array {
  const query = Buffer.from(queryOf('ns.example.', 'A'))
  query.writeUInt16BE(opts.length, 10)
  return Buffer.concat([query, ...opts])
}

test('no EDNS in, no EDNS out', () => {
  assert.equal(ask(nameserver, 'ns.example.', 'A').opt, undefined)
  assert.equal(ask(nameserver, 'elsewhere.', 'A').opt, undefined)
})

test('6.1.3, 6.2.3: our OPT is version 0 and offers 1232 octets', () => {
  const { opt } = ask(nameserver, 'ns.example.', 'A', { edns: 4096 })
  assert.deepEqual([opt?.payloadSize, opt?.version, opt?.dnssecOk, opt?.options.size], [1232, 0, false, 0])
})

test('6.1.4: DO comes back, other flags do not', () => {
  assert.equal(ask(nameserver, 'ns.example.', 'A', { edns: 4096, dnssecOk: true }).opt?.dnssecOk, true)
})

test('6.1.3: a version above 0 is BADVERS with the question, before any zone is looked at', () => {
  for (const version of [1, 100, 255]) {
    const told = ask(nameserver, 'elsewhere.', 'A', { edns: 4096, version })
    assert.deepEqual(
      [told.rcode, told.opt?.version, told.question.length > 0, told.answer.length],
      [RCODE.BADVERS, 0, true, 0],
    )
  }
})

test('6.1.1: two OPTs are malformed, and the reply has one', () => {
  const told = send(nameserver, withOpts(optOf({}), optOf({})))
  assert.equal(told?.rcode, RCODE.FORMERR)
  assert.ok(told?.opt)
})

test('6.1.2: an OPT whose owner is not the root is malformed', () => {
  const opt = Buffer.concat([Uint8Array.of(1, 97), optOf({})])
  assert.equal(send(nameserver, withOpts(opt))?.rcode, RCODE.FORMERR)
})

test('an option that runs over the OPT, and an OPT that runs over the message, are malformed', () => {
  assert.equal(
    send(nameserver, withOpts(optOf({ options: Uint8Array.of(0, 3, 0, 9, 1) })))?.rcode,
    RCODE.FORMERR,
  )
  assert.equal(send(nameserver, withOpts(optOf({ options: Uint8Array.of(0, 3, 0) })))?.rcode, RCODE.FORMERR)
  const over = Buffer.from(optOf({}))
  over.writeUInt16BE(5, 9)
  assert.equal(send(nameserver, withOpts(over))?.rcode, RCODE.FORMERR)
})

test('6.1.2: options that are not known are ignored and not echoed', () => {
  const told = ask(nameserver, 'ns.example.', 'A', {
    edns: 1232,
    options: Uint8Array.of(0xff, 0x01, 0, 2, 1, 2),
  })
  assert.deepEqual([told.rcode, told.opt?.options.size, told.answer.length], [RCODE.NOERROR, 0, 1])
})

test('6.2.3: sizes below 512 count as 512, above 1232 as 1232', () => {
  for (const [size, most] of [
    [0, 512],
    [511, 512],
    [800, 800],
    [4096, 1232],
  ] as const) {
    const told = ask(nameserver, 't.example.', 'TXT', { edns: size })
    assert.ok(told.tc && told.octets.length <= most)
  }
})

test('7: truncated, refused and malformed replies have an OPT too', () => {
  assert.ok(ask(nameserver, 't.example.', 'TXT', { edns: 512 }).opt)
  assert.ok(ask(nameserver, 'elsewhere.', 'A', { edns: 512 }).opt)
  const trailing = Buffer.concat([queryOf('ns.example.', 'A', { edns: 512 }), Uint8Array.of(0)])
  assert.ok(send(nameserver, trailing)?.opt)
})

test('the payload size of the query means nothing on TCP', () => {
  const told = ask(nameserver, 't.example.', 'TXT', { edns: 512, transport: 'tcp' })
  assert.deepEqual([told.tc, told.answer.length], [false, 60])
})
