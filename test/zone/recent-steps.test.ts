import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { RecentSteps } from '../../src/zone/recent-steps.ts'
import { stepOf } from './step-of.ts'

const A = Uint8Array.of(1, 0x61, 0)
const B = Uint8Array.of(1, 0x62, 0)
/** More than any memory of them holds. */
const MANY = 5000
const LOOKS = 20_000

suite('the latest steps', () => {
  test('lead from a serial to a later one, seen by whoever has the memory', () => {
    const recent = new RecentSteps()
    for (const serial of [7, 8, 9]) recent.append(A, stepOf(serial))
    const reader = new RecentSteps(recent.buffer)
    assert.deepEqual(reader.since(A, { from: 8, to: 10 }), [stepOf(8), stepOf(9)])
    assert.deepEqual(reader.since(A, { from: 7, to: 9 }), [stepOf(7), stepOf(8)])
    assert.deepEqual(reader.since(A, { from: 9, to: 9 }), [])
  })

  test('are those of the zone that is asked for', () => {
    const recent = new RecentSteps()
    for (const serial of [7, 8]) {
      recent.append(A, stepOf(serial, 10))
      recent.append(B, stepOf(serial, 20))
    }
    assert.deepEqual(recent.since(B, { from: 7, to: 9 }), [stepOf(7, 20), stepOf(8, 20)])
    assert.equal(recent.since(Uint8Array.of(0), { from: 7, to: 9 }), undefined)
  })

  test('go over the end of the circle of serials', () => {
    const recent = new RecentSteps()
    for (const serial of [0xffff_fffe, 0xffff_ffff, 0]) recent.append(A, stepOf(serial, 10))
    assert.equal(recent.since(A, { from: 0xffff_fffe, to: 1 })?.length, 3)
  })

  test('are not known where one is missing: too long, or of a time before', () => {
    const recent = new RecentSteps()
    recent.append(A, stepOf(1))
    recent.append(A, stepOf(2, 5000))
    recent.append(A, stepOf(3))
    assert.equal(recent.since(A, { from: 1, to: 4 }), undefined)
    assert.equal(recent.since(A, { from: 0, to: 2 }), undefined)
    assert.deepEqual(recent.since(A, { from: 3, to: 4 }), [stepOf(3)])
  })

  test('are not given where together they are too much for a datagram', () => {
    const recent = new RecentSteps()
    for (let serial = 0; serial < 100; serial++) recent.append(A, stepOf(serial, 100))
    assert.equal(recent.since(A, { from: 0, to: 100 }), undefined)
    assert.equal(recent.since(A, { from: 60, to: 100 })?.length, 40)
  })

  for (const length of [30, 300, 4096])
    test(`push out the oldest, whole, with lists of ${length} octets`, () => {
      const recent = new RecentSteps()
      for (let serial = 0; serial < MANY; serial++) {
        recent.append(A, stepOf(serial, length))
        for (const from of [serial - 3, serial - 900].filter(past => past >= 0)) {
          const [step] = recent.since(A, { from, to: from + 1 }) ?? []
          assert.deepEqual(step ?? stepOf(from, length), stepOf(from, length))
          assert.ok(step !== undefined || from < serial - 3, `${from} of ${serial} is missing`)
        }
      }
      assert.equal(recent.since(A, { from: 0, to: 1 }), undefined)
    })
})

test('a thread that looks while another one writes sees whole steps, or none', async () => {
  const { buffer } = new RecentSteps()
  const stop = new SharedArrayBuffer(8)
  const writer = new Worker(new URL('./recent-steps-writer.ts', import.meta.url), {
    workerData: { buffer, stop },
  })
  await once(writer, 'message')
  const recent = new RecentSteps(buffer)
  const latest = new Int32Array(stop, 4)
  let seen = 0
  for (let look = 0; look < LOOKS || seen === 0; look++) {
    const to = Atomics.load(latest, 0)
    const from = Math.max(1, to - 8)
    const steps = recent.since(A, { from, to })
    if (steps === undefined || steps.length === 0) continue
    seen++
    assert.deepEqual(
      steps,
      steps.map((_, n) => stepOf(from + n)),
    )
  }
  Atomics.store(new Int32Array(stop), 0, 1)
  await once(writer, 'exit')
})
