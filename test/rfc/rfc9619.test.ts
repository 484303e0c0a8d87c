import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { optOf, queryOf, send, serve } from '../engine/zones.ts'

const nameserver = serve(
  'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.',
)

function withQuestions(count: number, ...opts: readonly Uint8Array[]): Buffer {
  const query = Buffer.from(queryOf('example.', 'SOA'))
  const question = query.subarray(12)
  const head = Buffer.from(query.subarray(0, 12))
  head.writeUInt16BE(count, 4)
  head.writeUInt16BE(opts.length, 10)
  return Buffer.concat([head, ...Array<Buffer>(count).fill(question), ...opts])
}

test('4: more than one question is malformed, and so is none', () => {
  for (const count of [0, 2, 3, 100])
    assert.equal(send(nameserver, withQuestions(count))?.rcode, RCODE.FORMERR)
  assert.equal(send(nameserver, withQuestions(1))?.rcode, RCODE.NOERROR)
})

test('a query with two questions and an OPT gets an OPT', () => {
  const told = send(nameserver, withQuestions(2, optOf({})))
  assert.equal(told?.rcode, RCODE.FORMERR)
  assert.ok(told?.opt)
})

test('a count of questions that are not there is malformed', () => {
  const query = withQuestions(1)
  query.writeUInt16BE(65_535, 4)
  assert.equal(send(nameserver, query)?.rcode, RCODE.FORMERR)
})
