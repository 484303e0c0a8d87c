import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GENERATION_WORD, READER_SLOTS, SLOT_WORDS } from '../../src/zone/arena.ts'
import { ReaderSlot, SEATS } from '../../src/zone/reader-slot.ts'

test('a reader says in its own slot since which generation it reads, and that it has left', () => {
  const last = 2 * SEATS - 1
  const buffer = new SharedArrayBuffer(4 * (READER_SLOTS + (last + 1) * SLOT_WORDS))
  const words = new Int32Array(buffer)
  words[GENERATION_WORD] = 7
  const slots = [0, 1, last].map(index => new ReaderSlot(buffer, index))
  const said = () => [0, 1, last].map(index => words[READER_SLOTS + index * SLOT_WORDS])
  slots[1]?.enter()
  assert.deepEqual(said(), [0, 7, 0])
  words[GENERATION_WORD] = 8
  slots[0]?.enter()
  slots[2]?.enter()
  assert.deepEqual(said(), [8, 7, 8])
  slots[1]?.leave()
  assert.deepEqual(said(), [8, 0, 8])
  assert.equal(
    words.filter(word => word !== 0).length,
    3,
    'nothing but the generation and two slots is written',
  )
})
