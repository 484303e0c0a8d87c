import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { answered, heard, registered, request } from '../lifecycle/stages.ts'
import { registerOne, TTL, World } from '../lifecycle/world.ts'

let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

/** Stops and starts the broker while another program holds the write lock, for longer than a start waits for it. */
async function restartLocked(): Promise<void> {
  const shell = new DatabaseSync(join(world.directory, 'data', 'freenet6.db'))
  shell.exec('BEGIN IMMEDIATE')
  try {
    world = await world.restart()
  } finally {
    shell.close()
  }
}

function restingRows(): unknown {
  return world.connection.prepare('SELECT count(*) AS n FROM resting_indexes').get()?.n
}

test('a start while another program writes serves what is there, and its indexes rest as before', async () => {
  const { tunnel } = await heard(world)
  const gone = registered(await registerOne(world.lifecycle, request(8)))
  await world.lifecycle.delete(gone.tunnel.id)
  await restartLocked()
  assert.deepEqual(
    world.broker.store.troubles.map(({ code }) => code),
    ['storage-busy'],
  )
  assert.notEqual(answered(world, tunnel), undefined)
  assert.equal(registered(await registerOne(world.lifecycle, request(9))).tunnel.device, 'fn6-2')
  world.now += 2 * TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(10))).tunnel.device, 'fn6-1')
})

test('a start forgets the indexes that have rested', async () => {
  const { tunnel } = await heard(world)
  await world.lifecycle.delete(tunnel.id)
  assert.equal(restingRows(), 1)
  world.now += 2 * TTL
  world = await world.restart()
  assert.equal(restingRows(), 0)
})
