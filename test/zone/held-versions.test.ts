import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldVersions, MAX_HELD_GENERATIONS, MAX_HELD_VERSIONS } from '../../src/zone/held-versions.ts'
import type { Version } from '../../src/zone/version.ts'

const VERSION = {} as Version // nothing is read from it here

test('what is held is released by force when it is too old, and what is younger is not', () => {
  const held = new HeldVersions()
  const old = held.hold(VERSION, 1)
  held.hold(VERSION, 2)
  held.expire(1 + MAX_HELD_GENERATIONS)
  assert.deepEqual([held.count, held.oldest()], [2, 1])
  held.expire(2 + MAX_HELD_GENERATIONS)
  assert.deepEqual([held.count, held.oldest()], [1, 2])
  assert.throws(() => old.walk(new Uint8Array(1), undefined, 1), { code: 'snapshot-expired' })
})

test('the oldest can be released by force, as long as any is held', () => {
  const held = new HeldVersions()
  held.hold(VERSION, 5)
  held.hold(VERSION, 6)
  assert.equal(held.releaseOldest(), true)
  assert.equal(held.oldest(), 6)
  assert.equal(held.releaseOldest(), true)
  assert.equal(held.releaseOldest(), false)
  assert.equal(held.oldest(), undefined)
})

test('so many may be held, and one that is released makes room', () => {
  const held = new HeldVersions()
  const all = Array.from({ length: MAX_HELD_VERSIONS }, (_, index) => held.hold(VERSION, index + 1))
  assert.throws(() => held.hold(VERSION, 100), { code: 'too-many-snapshots' })
  all[3]?.release()
  all[3]?.release()
  held.hold(VERSION, 100)
  assert.throws(() => held.hold(VERSION, 101), { code: 'too-many-snapshots' })
})
