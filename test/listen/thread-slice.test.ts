import assert from 'node:assert/strict'
import { release } from 'node:os'
import { test } from 'node:test'
import { loadLibc } from '../../src/listen/libc.ts'
import { setSlice } from '../../src/listen/threads/thread-slice.ts'
import { noBatches } from './batch-listener.ts'

const SLICE_NS = 200_000n
const SCHED_BATCH = 3
const [major = 0, minor = 0] = release().split('.').map(Number)
const keepsSlices = major > 6 || (major === 6 && minor >= 12)

const libc = await loadLibc()

function scheduling(): DataView {
  const attributes = new Uint8Array(48)
  assert.equal(libc?.getScheduling(attributes), 0)
  return new DataView(attributes.buffer)
}

test('a thread has the slice that it asked for, and is what it was in all else', { skip: noBatches }, () => {
  assert.ok(libc)
  const before = scheduling()
  assert.ok(setSlice(libc, SLICE_NS))
  const after = scheduling()
  if (keepsSlices) assert.equal(after.getBigUint64(24, true), SLICE_NS)
  for (const at of [4, 8, 12, 16, 20]) assert.equal(after.getUint32(at, true), before.getUint32(at, true))
})

test('where an operator has chosen another policy nothing is changed', { skip: noBatches }, () => {
  assert.ok(libc)
  const chosen = scheduling()
  chosen.setUint32(4, SCHED_BATCH, true)
  assert.equal(libc.setScheduling(new Uint8Array(chosen.buffer)), 0)
  assert.equal(setSlice(libc, SLICE_NS), false)
  assert.equal(scheduling().getUint32(4, true), SCHED_BATCH)
})
