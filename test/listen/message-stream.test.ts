import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageStream } from '../../src/listen/tcp/message-stream.ts'
import { framed } from '../ask.ts'

test('messages come out as they went in, wherever the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 })
  const cuts = fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(messages, cuts, (given, lengths) => {
      assert.deepEqual(
        read(Buffer.concat(given.map(framed)), lengths),
        given.map(octets => Buffer.from(octets)),
      )
    }),
  )
})

test('a length without its message is a cut message', () => {
  const stream = new MessageStream()
  stream.push(Buffer.of(0xff, 0xff))
  assert.equal(stream.next(), undefined)
  assert.equal(stream.isCut, true)
})

test('half a length is a cut message', () => {
  const stream = new MessageStream()
  stream.push(Buffer.of(0))
  assert.equal(stream.next(), undefined)
  assert.equal(stream.isCut, true)
})

test('after a whole message nothing is cut', () => {
  const stream = new MessageStream()
  stream.push(Buffer.of(0, 1, 7))
  assert.deepEqual([...(stream.next() ?? [])], [7])
  assert.equal(stream.next(), undefined)
  assert.equal(stream.isCut, false)
})

function read(octets: Buffer, lengths: readonly number[]): Buffer[] {
  const stream = new MessageStream()
  const found: Buffer[] = []
  for (let at = 0, turn = 0; at < octets.length; turn++) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? 1)
    stream.push(octets.subarray(at, at + length))
    at += length
    for (let next = stream.next(); next !== undefined; next = stream.next()) found.push(Buffer.from(next))
  }
  return found
}
