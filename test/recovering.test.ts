import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recovery } from '../src/recovering.ts'
import { SILENT } from './lifecycle/world.ts'

const MINUTE_MS = 60_000
const STARTABLE = { assertStartable: () => undefined }

/** Lets so much time pass, second by second, and whatever follows from each. */
async function pass(tick: (ms: number) => void, ms: number): Promise<void> {
  for (let second = 0; second < ms / 1000; second++) {
    tick(1000)
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('what looks mended and is not is tried ever more seldom, by one store after the other', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const tick = (ms: number) => t.mock.timers.tick(ms)
  let renewals = 0
  const recovery = new Recovery({ renew: async () => void renewals++ }, SILENT)
  const isMended = async () => true
  const counts: number[] = []
  for (let store = 0; store < 3; store++) {
    const stop = recovery.watch({ isMended }, STARTABLE)
    await pass(tick, 5000)
    counts.push(renewals)
    stop()
  }
  assert.deepEqual(counts, [1, 2, 2])
  recovery.watch({ isMended: undefined }, STARTABLE) // one that was opened whole
  recovery.watch({ isMended }, STARTABLE)
  await pass(tick, 2000)
  assert.equal(renewals, 3)
})

test('where it can not be begun it is tried again, and not after the end', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const tick = (ms: number) => t.mock.timers.tick(ms)
  let attempts = 0
  const renew = () => {
    attempts++
    return Promise.reject(new Error('a restart is under way'))
  }
  const stop = new Recovery({ renew }, SILENT).watch({ isMended: async () => attempts < 3 }, STARTABLE)
  await pass(tick, 15_000)
  assert.equal(attempts, 3)
  stop()
  await pass(tick, MINUTE_MS)
  assert.equal(attempts, 3)
})

test('nothing is ended for a start that can not be', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let renewals = 0
  const recovery = new Recovery({ renew: async () => void renewals++ }, SILENT)
  let isBroken = true
  const assertStartable = () => {
    if (isBroken) throw new Error('a zone file is cut short')
  }
  const stop = recovery.watch({ isMended: async () => true }, { assertStartable })
  await pass(ms => t.mock.timers.tick(ms), 10_000)
  assert.equal(renewals, 0)
  isBroken = false
  await pass(ms => t.mock.timers.tick(ms), 20_000)
  assert.ok(renewals > 0)
  stop()
})
