import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { serialCompare, soaSerial } from '../../src/zone/serial.ts'
import { answered, dormant, heard, registered, request, stateIn } from '../lifecycle/stages.ts'
import { ORIGIN, registerOne, TTL, World } from '../lifecycle/world.ts'

const DAY = 86_400
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

test('a time of being down counts against nobody, although start and first commit could not be written', async () => {
  const { tunnel } = await dormant(world)
  world.now += 40 * DAY
  await restartLocked()
  const failing = world.broker.store.commit(() => assert.fail('as a disk does'))
  await assert.rejects(failing, /as a disk does/)
  assert.equal(await world.lifecycle.endDormant(), 0)
  assert.equal(stateIn(world, tunnel), 'dormant')
  world.now += 30 * DAY
  assert.equal(await world.lifecycle.endDormant(), 1)
})

test('the first commit after such a start moves no end that it sets itself', async () => {
  const { tunnel } = await dormant(world)
  world.now += 40 * DAY
  await restartLocked()
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'woken')
  assert.equal(world.table.byId(tunnel.id)?.waitUntil, world.now + DAY)
})

test('a start that can not write serves no serial that the next one goes back behind, whatever the zone file says', async () => {
  const apex = wireName(ORIGIN)
  const serial = () => soaSerial(world.catalog.rrset(apex, TYPE.SOA)?.rdatas[0] ?? assert.fail('no SOA'))
  const restored = 2 ** 31 + 5 // as after a restore on a new machine: by RFC 1982 the file's 1 is later, and the time is not
  world.broker.close()
  world.edit(`UPDATE zone_serials SET serial = ${restored}`)
  world = await World.open({ directory: world.directory, kernel: world.kernel, now: world.now })
  const before = serial()
  assert.ok(before >= restored)
  await restartLocked()
  assert.equal(serial(), before)
  world = await world.restart()
  assert.ok(serialCompare(serial(), before) !== -1)
})
