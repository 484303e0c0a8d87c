import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { besideNextChange, registered } from './stages.ts'
import { registerOne, World } from './world.ts'

const ASKED = { ipv4: '192.0.2.7', nicname: 'alice', country: 'ca', os: 'linux' }
const DOWN = 86_400

let world: World
let id: string
let key: string

beforeEach(async () => {
  world = await World.open()
  const registration = registered(await registerOne(world.lifecycle, ASKED))
  id = registration.tunnel.id
  key = registration.key
})

afterEach(() => world.end())

async function renewed(): Promise<string> {
  const renewal = await world.lifecycle.renewKey(id, 'key')
  return renewal.kind === 'renewed' ? renewal.key : assert.fail(JSON.stringify(renewal))
}

/** The process is killed, and started again a day later. */
async function downForADay(): Promise<void> {
  world.setWallClock(world.now + DOWN)
  world = await world.crash()
  await world.broker.store.commit(() => ({ outcome: undefined, changes: [] }))
}

test('a former key is not void because nothing ran, and is when it has run for ten minutes', async () => {
  await renewed()
  await downForADay()
  assert.ok(world.lifecycle.proofs.isFormerKey(id, key))
  world.now += 601
  assert.ok(!world.lifecycle.proofs.isFormerKey(id, key))
})

const MAIL = 'alice@example.org'

/** Notes where the owner reads mail; an empty text: nowhere. */
async function reachedAt(target: string): Promise<void> {
  const ways = target === '' ? [] : [{ kind: 'email' as const, target, isConfirmed: true }]
  assert.ok(await world.lifecycle.setContact(id, () => ({ contact: { language: 'en', ways }, asking: [] })))
}

async function linked(): Promise<void> {
  await reachedAt(MAIL)
  assert.ok(await world.lifecycle.proofs.keepLink(id, 'token', MAIL))
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), id)
}

for (const later of ['bob@example.org', '']) {
  test(`a link mailed to an address that the owner has left is void: ${later || 'none now'}`, async () => {
    await linked()
    await reachedAt(later)
    assert.equal(world.lifecycle.proofs.linkedTunnel('token'), undefined)
    assert.equal(await world.lifecycle.proofs.keepLink(id, 'late', MAIL), false)
  })
}

test('a link that was shown for a key nobody has seen is void with the address too', async () => {
  await linked()
  const renewal = await world.lifecycle.renewKey(id, { link: 'token' })
  assert.ok(renewal.kind === 'renewed')
  await reachedAt(MAIL)
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), id)
  await reachedAt('bob@example.org')
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), undefined)
})

test('a mailed link ages while nothing runs', async () => {
  await linked()
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), id)
  await downForADay()
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), undefined)
})

test('a mailed link is over after half an hour', async () => {
  await linked()
  world.now += 1800
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), id)
  world.now += 1
  assert.equal(world.lifecycle.proofs.linkedTunnel('token'), undefined)
})

test('a key that was replaced before it was seen makes nothing void', async () => {
  const first = await renewed()
  await renewed()
  world.lifecycle.proofs.seen(id, first)
  assert.ok(world.lifecycle.proofs.isFormerKey(id, key))
})

test('one that was seen makes the former void at once, on a full disk too', async () => {
  const fresh = await renewed()
  await world.withFullDisk(async () => {
    world.lifecycle.proofs.seen(id, fresh)
    assert.ok(!world.lifecycle.proofs.isFormerKey(id, key))
  })
})

test('a former key that was void on a quiet server is void after its restart', async () => {
  await renewed()
  world.now += 601
  await world.lifecycle.endDormant()
  world = await world.restart()
  assert.ok(!world.lifecycle.proofs.isFormerKey(id, key))
})

for (const [later, how] of [
  ['is used again', (fresh: string) => world.lifecycle.proofs.seen(id, fresh)],
  ['is not used', () => world.lifecycle.endDormant()],
] as const)
  test(`that a key was seen while the database was locked is written down later, even if the key ${later}`, async t => {
    const fresh = await renewed()
    const locked = t.mock.method(world.broker.store, 'commit', () => Promise.reject(new Error('locked')))
    assert.ok(world.lifecycle.proofs.seen(id, fresh))
    await nextTurn()
    locked.mock.restore()
    assert.ok(!world.lifecycle.proofs.isFormerKey(id, key))
    await how(fresh)
    await world.broker.store.commit(() => ({ outcome: undefined, changes: [] }))
    world = await world.crash()
    assert.ok(!world.lifecycle.proofs.isFormerKey(id, key))
  })

test('a new key that shares the transaction in which the one before is written down as seen is unseen itself', async t => {
  const first = await renewed()
  const locked = t.mock.method(world.broker.store, 'commit', () => Promise.reject(new Error('locked')))
  assert.ok(world.lifecycle.proofs.seen(id, first))
  locked.mock.restore()
  const written = besideNextChange(world, () => world.lifecycle.proofs.writeDown())
  await renewed()
  await written
  assert.ok(world.lifecycle.proofs.isFormerKey(id, first))
  world = await world.crash()
  assert.ok(world.lifecycle.proofs.isFormerKey(id, first))
})
