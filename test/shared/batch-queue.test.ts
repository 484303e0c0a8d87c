import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BatchQueue } from '../../src/shared/batch-queue.ts'

/** Doubles numbers, and remembers how many it was given at a time. */
class Doubling {
  readonly sizes: number[] = []

  readonly work = (items: readonly number[]): readonly number[] => {
    this.sizes.push(items.length)
    return items.map(item => item * 2)
  }
}

test('items of one turn share a batch, and each has its own outcome', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work)
  assert.deepEqual(await Promise.all([1, 2, 3].map(item => queue.add(item))), [2, 4, 6])
  assert.deepEqual(doubling.sizes, [3])
})

test('one that comes later is in the next batch', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work)
  await queue.add(1)
  await queue.add(2)
  assert.deepEqual(doubling.sizes, [1, 1])
})

test('a crowd is taken in several batches, so that none is long', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work)
  const outcomes = await Promise.all(Array.from({ length: 300 }, (_, item) => queue.add(item)))
  assert.deepEqual(doubling.sizes, [128, 128, 44])
  assert.equal(outcomes[299], 598)
})

test('while a batch is at work the next gathers', async () => {
  const sizes: number[] = []
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: end, resolve: finish } = Promise.withResolvers<void>()
  const queue = new BatchQueue(async (items: readonly number[]) => {
    sizes.push(items.length)
    begin()
    await end
    return items
  })
  const first = queue.add(1)
  await begun
  const later = [queue.add(2), queue.add(3)]
  finish()
  await Promise.all([first, ...later])
  assert.deepEqual(sizes, [1, 2])
})

test('where the work throws its batch fails, and the next goes on', async () => {
  const queue = new BatchQueue((items: readonly number[]) => {
    if (items.includes(0)) throw new RangeError('nought')
    return items
  })
  await assert.rejects(queue.add(0), RangeError)
  assert.equal(await queue.add(1), 1)
})

const LONG_MS = 60_000
const MAY_WAIT = { mayWait: true }

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

test('who comes alone is served at once, however much patience there is', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work, { patienceMs: LONG_MS })
  assert.equal(await queue.add(1, MAY_WAIT), 2)
  assert.equal(await queue.add(2, MAY_WAIT), 4)
})

test('in a crowd a batch waits for as many as were in the one before', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work, { patienceMs: LONG_MS })
  await Promise.all([1, 2, 3].map(item => queue.add(item, MAY_WAIT)))
  const next = [4, 5].map(item => queue.add(item, MAY_WAIT))
  await turns(10)
  assert.deepEqual(doubling.sizes, [3])
  assert.deepEqual(await Promise.all([...next, queue.add(6, MAY_WAIT)]), [8, 10, 12])
  assert.deepEqual(doubling.sizes, [3, 3])
})

test('where the crowd is gone, patience ends', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work, { patienceMs: 20 })
  await Promise.all([1, 2, 3].map(item => queue.add(item, MAY_WAIT)))
  assert.equal(await queue.add(4, MAY_WAIT), 8)
  assert.equal(await queue.add(5, MAY_WAIT), 10)
  assert.deepEqual(doubling.sizes, [3, 1, 1])
})

test('what may not wait is done at once in a crowd, with those that wait, and the crowd is remembered', async () => {
  const doubling = new Doubling()
  const queue = new BatchQueue(doubling.work, { patienceMs: LONG_MS })
  await Promise.all([1, 2, 3].map(item => queue.add(item, MAY_WAIT)))
  assert.equal(await queue.add(4), 8)
  const waiting = queue.add(5, MAY_WAIT)
  await turns(10)
  assert.deepEqual(doubling.sizes, [3, 1])
  assert.deepEqual(await Promise.all([waiting, queue.add(6)]), [10, 12])
  assert.deepEqual(doubling.sizes, [3, 1, 2])
})
