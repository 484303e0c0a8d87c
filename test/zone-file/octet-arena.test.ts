import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OctetArena } from '../../src/zone-file/octet-arena.ts'

test('what is kept stays as it was, and a block is shared', () => {
  const arena = new OctetArena()
  const source = Uint8Array.of(1, 2, 3)
  const first = arena.keep(source, 3)
  source.fill(9)
  const second = arena.keep(source, 2)
  assert.deepEqual([...first], [1, 2, 3])
  assert.deepEqual([...second], [9, 9])
  assert.equal(first.buffer, second.buffer)
})

test('few octets cost little, and many are in blocks of 64 KiB', () => {
  const arena = new OctetArena()
  const name = new Uint8Array(20)
  const blocks = new Set<ArrayBufferLike>()
  for (let i = 0; i < 20; i++) blocks.add(arena.keep(name, 20).buffer)
  assert.ok([...blocks].reduce((sum, { byteLength }) => sum + byteLength, 0) <= 1536)
  for (let i = 0; i < 100_000; i++) blocks.add(arena.keep(name, 20).buffer)
  assert.ok(blocks.size < 45)
})
