import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REFUSAL, refused } from '../../src/tunnel/refusal.ts'
import { RegistrationQueue } from '../../src/tunnel/registration-queue.ts'
import { World } from './world.ts'

function request(n: number) {
  return { ipv4: `198.51.${n >> 8}.${n & 255}`, nicname: `host${n}`, country: 'ca', os: 'linux' }
}

/** Counts the transactions, and answers in kind. */
class CountedLifecycle {
  readonly sizes: number[] = []

  registerAll(requests: readonly unknown[]) {
    this.sizes.push(requests.length)
    return requests.map(() => refused(REFUSAL.poolFull()))
  }
}

test('registrations of one turn share a transaction, and each has its own outcome', async () => {
  const world = new World()
  const queue = new RegistrationQueue(world.lifecycle)
  const outcomes = await Promise.all([request(1), request(2), request(1)].map(each => queue.register(each)))
  assert.deepEqual(
    outcomes.map(outcome => (outcome.kind === 'registered' ? outcome.tunnel.nicname : outcome.kind)),
    ['host1', 'host2', 'refused'],
  )
  assert.equal(world.table.count(), 2)
  world.end()
})

test('one that comes later is in the next transaction', async () => {
  const lifecycle = new CountedLifecycle()
  const queue = new RegistrationQueue(lifecycle)
  await queue.register(request(1))
  await queue.register(request(2))
  assert.deepEqual(lifecycle.sizes, [1, 1])
})

test('a crowd is taken in several transactions, so that none is long', async () => {
  const lifecycle = new CountedLifecycle()
  const queue = new RegistrationQueue(lifecycle)
  await Promise.all(Array.from({ length: 300 }, (_, n) => queue.register(request(n))))
  assert.deepEqual(lifecycle.sizes, [128, 128, 44])
})
