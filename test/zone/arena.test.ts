import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  Arena,
  GENERATION_WORD,
  MAX_READERS,
  READER_SLOTS,
  ROOT_WORD,
  SLOT_WORDS,
} from '../../src/zone/arena.ts'
import { TableFull } from '../../src/zone/table-fault.ts'

const SIZES = [2, 5, 5, 40, 300]

/** An arena with a published version of several blocks, and some free ones that an earlier version has left. */
function churnedArena(): { arena: Arena; blocks: number[] } {
  const arena = new Arena(1 << 24)
  const blocks = SIZES.map(size => filled(arena, size))
  const gone = SIZES.map(size => filled(arena, size))
  arena.publish(blocks[0] ?? 0)
  for (const [i, size] of SIZES.entries()) arena.release(gone[i] ?? 0, size)
  arena.publish(blocks[0] ?? 0)
  arena.reclaim()
  return { arena, blocks }
}

function filled(arena: Arena, size: number): number {
  const block = arena.allocate(size)
  arena.words.fill(size, block, block + size)
  return block
}

function sizesIn(arena: Arena): readonly [number, number] {
  return [arena.usedBytes, arena.touchedBytes]
}

test('1,000 changes that break off leave no block behind and the free ones free', () => {
  const { arena, blocks } = churnedArena()
  const before = sizesIn(arena)
  for (let i = 0; i < 1000; i++) {
    const taken = [...SIZES, ...SIZES, 7].map(size => filled(arena, size))
    arena.release(blocks[1] ?? 0, SIZES[1] ?? 0)
    arena.release(taken[0] ?? 0, 2)
    arena.release(taken.at(-1) ?? 0, 7)
    arena.abandon()
    assert.deepEqual(sizesIn(arena), before)
  }
  for (const size of SIZES) filled(arena, size)
  assert.equal(arena.touchedBytes, before[1], 'what was free is free again')
})

test('what a change that broke off would have retired stays in use', () => {
  const { arena, blocks } = churnedArena()
  arena.release(blocks[3] ?? 0, 40)
  arena.abandon()
  const { usedBytes } = arena
  arena.publish(blocks[0] ?? 0)
  arena.reclaim()
  assert.equal(arena.usedBytes, usedBytes)
  for (let i = 0; i < 10; i++) assert.notEqual(filled(arena, 40), blocks[3])
})

test('a block from a free list is the change’s own until it is published, and its neighbours are not', () => {
  const { arena, blocks } = churnedArena()
  const before = sizesIn(arena)
  const [block = 0, other = 0] = [filled(arena, 5), filled(arena, 5)]
  assert.deepEqual(
    [block, other].map(each => each < before[1] / 4),
    [true, true],
  )
  assert.deepEqual(
    [block, other, ...blocks].map(each => arena.isPrivate(each)),
    [true, true, ...SIZES.map(() => false)],
  )
  arena.release(other, 5)
  assert.equal(filled(arena, 5), other, 'it is free at once')
  arena.release(other, 5)
  arena.abandon()
  assert.deepEqual(sizesIn(arena), before)
  assert.deepEqual(
    [block, other].map(each => arena.isPrivate(each)),
    [false, false],
  )
  assert.deepEqual(new Set([filled(arena, 5), filled(arena, 5)]), new Set([block, other]))
  arena.publish(block)
  assert.deepEqual(
    [block, other].map(each => arena.isPrivate(each)),
    [false, false],
  )
})

test('a full buffer is a fault with a code, and takes nothing', () => {
  const arena = new Arena(1 << 16)
  const before = sizesIn(arena)
  assert.throws(() => arena.allocate(1 << 20), { code: 'table-full' })
  assert.deepEqual(sizesIn(arena), before)
  assert.throws(() => {
    for (;;) arena.allocate(100)
  }, TableFull)
  arena.abandon()
  assert.deepEqual(sizesIn(arena), before)
})

/** A step of a change: takes a block of a size, or gives back one of those that the change sees. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), size: fc.integer({ min: 2, max: 80 }) }),
  fc.record({ kind: fc.constant('give' as const), which: fc.nat() }),
)
const change = fc.record({ steps: fc.array(step, { maxLength: 30 }), isAbandoned: fc.boolean() })

test('whatever is published and abandoned, no two live blocks overlap and none is overwritten', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), changes => {
      const arena = new Arena(1 << 24)
      let live = new Map<number, number>()
      for (const { steps, isAbandoned } of changes) {
        const before = sizesIn(arena)
        const next = new Map(live)
        for (const step of steps) {
          if (step.kind === 'take') next.set(filled(arena, step.size), step.size)
          else {
            const [block, size] = [...next][step.which % next.size] ?? [0, 0]
            if (next.delete(block)) arena.release(block, size)
          }
          for (const [block, size] of live) assertFilled(arena, block, size)
        }
        if (isAbandoned) {
          arena.abandon()
          assert.deepEqual(sizesIn(arena), before)
        } else {
          arena.publish(arena.words[ROOT_WORD] ?? 0)
          arena.reclaim()
          live = next
        }
        for (const [block, size] of live) assertFilled(arena, block, size)
        const used = [...live.values()].reduce((sum, size) => sum + roundedUp(size), 0)
        assert.equal(arena.usedBytes, used * 4)
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 8000 },
  )
})

/** Blocks hold their own size in each word. */
function assertFilled(arena: Arena, block: number, size: number): void {
  for (let at = block; at < block + size; at++) assert.equal(arena.words[at], size)
}

/** Blocks up to 128 words are whole pairs of words. */
function roundedUp(words: number): number {
  return (words + 1) & ~1
}

for (const slot of [0, 1, MAX_READERS - 1]) {
  test(`a block that is retired is given again when the reader in slot ${slot} has left, and not before`, () => {
    const arena = new Arena(1 << 24)
    const root = filled(arena, 2)
    const block = filled(arena, 40)
    arena.publish(root)
    const word = READER_SLOTS + slot * SLOT_WORDS
    arena.words[word] = arena.words[GENERATION_WORD] ?? 0
    arena.release(block, 40)
    arena.publish(root)
    arena.reclaim()
    assert.notEqual(filled(arena, 40), block)
    arena.publish(root)
    arena.words[word] = arena.words[GENERATION_WORD] ?? 0 // it has left, and come again
    arena.reclaim()
    assert.equal(filled(arena, 40), block)
  })
}

test('a version that is held keeps what it retired, however many readers have left', () => {
  const arena = new Arena(1 << 24)
  const root = filled(arena, 2)
  const block = filled(arena, 40)
  arena.publish(root)
  const held = arena.words[GENERATION_WORD] ?? 0
  arena.release(block, 40)
  arena.publish(root)
  arena.reclaim(held)
  assert.notEqual(filled(arena, 40), block)
  arena.publish(root)
  arena.reclaim(arena.words[GENERATION_WORD])
  assert.equal(filled(arena, 40), block)
})

test('a free block of any size serves the same size again, and none that is longer than it', () => {
  const sizes = [
    ...Array.from({ length: 300 }, (_, n) => n + 1),
    511,
    512,
    513,
    640,
    641,
    4095,
    4096,
    4097,
    70_000,
  ]
  for (const size of sizes) {
    const arena = new Arena(1 << 24)
    const root = filled(arena, 2)
    const block = arena.allocate(size)
    const room = (arena.touchedBytes - 4 * block) / 4
    assert.ok(room >= size && room <= Math.max(size + 1, size * 1.25 + 2), `${room} words for ${size}`)
    arena.publish(root)
    arena.release(block, size)
    arena.publish(root)
    arena.reclaim()
    assert.notEqual(arena.allocate(room + 1), block)
    assert.equal(arena.allocate(size), block)
  }
})
