import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, VERDICT } from '../../src/engine/accept.ts'

function header(flags: number, counts: readonly [number, number, number, number] = [1, 0, 0, 0]): Buffer {
  const octets = Buffer.alloc(12)
  octets.writeUInt16BE(flags, 2)
  for (const [i, count] of counts.entries()) octets.writeUInt16BE(count, 4 + 2 * i)
  return octets
}

test('fewer than 12 octets are met with silence', () => {
  for (let length = 0; length < 12; length++) assert.equal(accept(header(0), length), VERDICT.DROP)
})

test('a response is met with silence, whatever else it says', () => {
  for (let opcode = 0; opcode < 16; opcode++)
    assert.equal(accept(header(0x8000 | (opcode << 11)), 12), VERDICT.DROP)
})

test('opcodes that are not served are not implemented, with or without a question', () => {
  for (const opcode of [1, 2, 3, 5, 6, 7, 15]) {
    assert.equal(accept(header(opcode << 11), 12), VERDICT.NOTIMP)
    assert.equal(accept(header(opcode << 11, [0, 0, 0, 0]), 12), VERDICT.NOTIMP)
  }
})

test('a query has one question, no answer, and one authority record at most', () => {
  assert.equal(accept(header(0), 12), VERDICT.QUERY)
  assert.equal(accept(header(0, [2, 0, 0, 0]), 12), VERDICT.FORMERR)
  assert.equal(accept(header(0, [1, 1, 0, 0]), 12), VERDICT.FORMERR)
  assert.equal(accept(header(0, [1, 0, 2, 0]), 12), VERDICT.FORMERR)
  assert.equal(accept(header(0, [1, 0, 1, 0]), 12), VERDICT.QUERY)
})

test('a query without a question goes on, to be looked at for a cookie, but not with records', () => {
  assert.equal(accept(header(0, [0, 0, 0, 0]), 12), VERDICT.NO_QUESTION)
  assert.equal(accept(header(0, [0, 0, 0, 1]), 12), VERDICT.NO_QUESTION)
  assert.equal(accept(header(0, [0, 1, 0, 1]), 12), VERDICT.FORMERR)
  assert.equal(accept(header(0, [0, 0, 2, 1]), 12), VERDICT.FORMERR)
})

test('the TC bit of a query means nothing', () => {
  assert.equal(accept(header(0x0200), 12), VERDICT.QUERY)
})

test('a NOTIFY may carry its SOA', () => {
  assert.equal(accept(header(4 << 11, [1, 1, 0, 0]), 12), VERDICT.NOTIFY)
  assert.equal(accept(header(4 << 11, [2, 0, 0, 0]), 12), VERDICT.FORMERR)
  assert.equal(accept(header(4 << 11, [0, 0, 0, 0]), 12), VERDICT.FORMERR)
})
