import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heard } from './stages.ts'
import { World } from './world.ts'

test('silent tunnels are looked at without a reconciliation of all, unless one of them is not sound', async () => {
  const world = await World.open()
  try {
    const [a, b] = [(await heard(world, 1)).tunnel, (await heard(world, 2)).tunnel]
    assert.deepEqual([...(await world.lifecycle.check([a.id, b.id]))], [a.id, b.id])
    assert.equal(world.kernel.reconciliations, 0)
    world.kernel.links.delete(a.device)
    assert.deepEqual([...(await world.lifecycle.check([a.id, b.id]))], [b.id])
    assert.equal(world.kernel.reconciliations, 1)
    assert.ok(world.kernel.links.has(a.device), 'it was mended')
    assert.deepEqual([...(await world.lifecycle.check([a.id, b.id]))], [a.id, b.id])
  } finally {
    world.end()
  }
})

test('a tunnel whose interface somebody else has mended since the echoes went out was not sound all along', async () => {
  const world = await World.open()
  try {
    const [a, b] = [(await heard(world, 1)).tunnel, (await heard(world, 2)).tunnel]
    const sent = performance.now()
    world.kernel.links.delete(a.device)
    await world.lifecycle.reconcile()
    assert.deepEqual([...(await world.lifecycle.check([a.id, b.id], sent))], [b.id])
    assert.deepEqual([...(await world.lifecycle.check([a.id, b.id], performance.now()))], [a.id, b.id])
  } finally {
    world.end()
  }
})

test('reconciliations that wait for their turn are one', async () => {
  const world = await World.open()
  try {
    const mended = Array.from({ length: 20 }, () => world.lifecycle.reconcile())
    await Promise.all(mended)
    assert.equal(world.kernel.reconciliations, 1)
    await world.lifecycle.reconcile()
    assert.equal(world.kernel.reconciliations, 2)
  } finally {
    world.end()
  }
})
