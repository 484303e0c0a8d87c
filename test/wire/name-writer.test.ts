import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseName } from '../../src/wire/name.ts'
import { NameWriter } from '../../src/wire/name-writer.ts'

const LIMIT = 512

function name(text: string): Uint8Array {
  return parseName(text) ?? assert.fail(text)
}

test('a name ends in a pointer to what the reply already holds of it', () => {
  const names = new NameWriter()
  const reply = new Uint8Array(LIMIT)
  assert.equal(names.write(reply, 100, LIMIT, name('a.example.'), 0), 111)
  assert.equal(names.write(reply, 200, LIMIT, name('b.EXAMPLE.'), 0), 204)
  assert.deepEqual([...reply.subarray(200, 204)], [1, 98, 0xc0, 102])
})

test('what was taken back is not pointed at', () => {
  const names = new NameWriter()
  const reply = new Uint8Array(LIMIT)
  names.write(reply, 100, LIMIT, name('a.example.'), 0)
  const { mark } = names
  names.write(reply, 111, LIMIT, name('b.example.'), 0)
  names.rewind(mark)
  // Its octets are still there, and a pointer to them would point at itself.
  assert.equal(names.write(reply, 111, LIMIT, name('b.example.'), 0), 115)
  assert.deepEqual([...reply.subarray(111, 115)], [1, 98, 0xc0, 102])
})

test('where case is kept, a name in another case is not pointed at', () => {
  const names = new NameWriter({ keepsCase: true })
  const reply = new Uint8Array(LIMIT)
  names.write(reply, 100, LIMIT, name('a.example.'), 0)
  assert.equal(names.write(reply, 200, LIMIT, name('b.eXample.'), 0), 211)
  assert.equal(names.write(reply, 300, LIMIT, name('c.example.'), 0), 304)
})
