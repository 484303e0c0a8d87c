import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { test } from 'node:test'
import { type Libc, loadLibc } from '../../src/listen/libc.ts'
import { takePrecedence } from '../../src/listen/threads/thread-precedence.ts'
import { noBatches } from './batch-listener.ts'

const WISHES = { slice: 200_000n, levels: 5 }
const NICE = 16
const EPERM = -1
const SCHED_BATCH = 3
const CAP_SYS_NICE = 23n
const [major = 0, minor = 0] = release().split('.').map(Number)
const keepsSlices = major > 6 || (major === 6 && minor >= 12)

const libc = await loadLibc()

function scheduling(): DataView {
  const attributes = new Uint8Array(48)
  assert.equal(libc?.getScheduling(attributes), 0)
  return new DataView(attributes.buffer)
}

/** Containers often take this right even from root. */
function mayBeNicer(): boolean {
  const [, capabilities = '0'] = /^CapEff:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return ((BigInt(`0x${capabilities}`) >> CAP_SYS_NICE) & 1n) === 1n
}

/** A system that gives nobody a larger share. */
function withoutRights(own: Libc): Libc {
  return {
    ...own,
    setScheduling: attributes => {
      const asked = new DataView(attributes.buffer, attributes.byteOffset).getInt32(NICE, true)
      return asked < scheduling().getInt32(NICE, true) ? EPERM : own.setScheduling(attributes)
    },
  }
}

test('a thread that may not have a larger share has the slice that it asked for', { skip: noBatches }, () => {
  assert.ok(libc)
  const before = scheduling()
  assert.equal(takePrecedence(withoutRights(libc), WISHES), 'slice')
  const after = scheduling()
  if (keepsSlices) assert.equal(after.getBigUint64(24, true), WISHES.slice)
  for (const at of [4, 8, 12, 16, 20]) assert.equal(after.getUint32(at, true), before.getUint32(at, true))
})

test('a thread is so many levels before the rest of its process, or as it was', { skip: noBatches }, () => {
  assert.ok(libc)
  const before = scheduling().getInt32(NICE, true)
  const taken = takePrecedence(libc, WISHES)
  const wanted = taken === 'slice and share' ? Math.max(before - WISHES.levels, -20) : before
  assert.equal(scheduling().getInt32(NICE, true), wanted)
  if (mayBeNicer()) assert.equal(taken, 'slice and share')
})

test('where an operator has chosen another policy nothing is changed', { skip: noBatches }, () => {
  assert.ok(libc)
  const chosen = scheduling()
  chosen.setUint32(4, SCHED_BATCH, true)
  assert.equal(libc.setScheduling(new Uint8Array(chosen.buffer)), 0)
  const nice = scheduling().getInt32(NICE, true)
  assert.equal(takePrecedence(libc, WISHES), 'nothing')
  assert.equal(scheduling().getUint32(4, true), SCHED_BATCH)
  assert.equal(scheduling().getInt32(NICE, true), nice)
})
