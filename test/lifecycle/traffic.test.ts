import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heard } from './stages.ts'
import { World } from './world.ts'

test('a tunnel is heard if its counter has grown since the last look', async t => {
  const world = await World.open()
  try {
    const [a, b] = [(await heard(world, 1)).tunnel, (await heard(world, 2)).tunnel]
    const look = async (...tunnels: readonly { readonly id: string }[]) => {
      const known = await world.lifecycle.heardSince(tunnels.map(({ id }) => id))
      const named = (what: 'unknown' | 'uncompared') => Array.from(known[what], id => `${what} ${id}`)
      return [...known.heard, ...named('unknown'), ...named('uncompared')]
    }
    world.kernel.received.set(a.device, 10).set(b.device, 10)
    const first = [`uncompared ${a.id}`, `uncompared ${b.id}`]
    assert.deepEqual(await look(a, b), first, 'nobody knows at the first look when that came')
    assert.deepEqual(await look(a, b), [])
    world.kernel.received.set(a.device, 11)
    assert.deepEqual(await look(a, b), [a.id])
    world.kernel.received.set(a.device, 2)
    assert.deepEqual(await look(a, b), [], 'a device that was made anew counts from 0')
    world.kernel.received.set(a.device, 3)
    assert.deepEqual(await look(a, { id: 'nobody' }), [a.id])
    t.mock.method(world.kernel, 'signsOfLife', async () => new Map(), { times: 1 })
    assert.deepEqual(await look(a), [`unknown ${a.id}`], 'a look that failed is no silence')
    world.kernel.received.set(a.device, 4)
    assert.deepEqual(await look(a), [a.id])
  } finally {
    world.end()
  }
})
