import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { dormant, heard, miss, registered, request, stateIn } from './stages.ts'
import { registerOne, TTL, World } from './world.ts'

const DAY = 86_400
const TWENTY_YEARS = 20 * 365 * DAY
let world: World

beforeEach(async () => {
  world = await World.open({ now: 1_800_000_000 })
})

afterEach(() => world.end())

for (const jump of [TWENTY_YEARS, -TWENTY_YEARS]) {
  const years = `${jump > 0 ? '+' : '−'}20 years`

  for (const restarts of [false, true]) {
    const when = restarts ? 'while the server is down' : 'under the running server'
    const setClock = async () => {
      world.setWallClock(world.now + jump)
      if (restarts) world = await world.restart()
    }

    test(`${years} ${when}: an index at rest is neither lost nor given out early`, async () => {
      const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
      await world.lifecycle.delete(tunnel.id)
      await setClock()
      if (!restarts)
        assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-1')
      world.now += 2 * TTL
      assert.equal(registered(await registerOne(world.lifecycle, request(9))).tunnel.device, 'fn6-0')
    })

    test(`${years} ${when}: a dormant tunnel is kept for its time, and no longer`, async () => {
      const { tunnel } = await dormant(world)
      await setClock()
      world.now += 29 * DAY
      assert.equal(await world.lifecycle.endDormant(), 0)
      world.now += 1.1 * DAY
      assert.equal(await world.lifecycle.endDormant(), 1)
      assert.equal(stateIn(world, tunnel), undefined)
    })

    test(`${years} ${when}: a tunnel that waits for its first answer waits for its time, and no longer`, async () => {
      const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
      await setClock()
      world.now += DAY - 60
      assert.equal(await miss(world, tunnel), 0)
      world.now += 61
      assert.equal(await miss(world, tunnel), 1)
    })
  }

  test(`${years}: when a dormant tunnel ends is said by the clock that people see now`, async () => {
    const { tunnel } = await dormant(world)
    world.setWallClock(world.now + jump)
    const kept = world.table.dormant.byId(tunnel.id) ?? assert.fail()
    assert.equal(world.lifecycle.endOf(kept), world.now + 30 * DAY)
  })
}

test('the running time of a quiet server is not given to a dormant tunnel a second time by a restart', async () => {
  const { tunnel } = await dormant(world)
  const other = (await heard(world, 8)).tunnel
  for (let day = 0; day < 29; day++) {
    world.now += DAY
    await world.lifecycle.recordRound({ answered: [other.id], silent: [] })
    await world.lifecycle.endDormant()
  }
  world = await world.restart()
  world.now += 2 * DAY
  assert.equal(await world.lifecycle.endDormant(), 1)
  assert.equal(stateIn(world, tunnel), undefined)
})

test('the minute’s work goes on while the time can’t be written down', async t => {
  const full = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
  const commit = t.mock.method(world.broker.store, 'commit', () => Promise.reject(full))
  assert.equal(await world.lifecycle.endDormant(), 0)
  commit.mock.mockImplementation(() => Promise.reject(new Error('a defect')))
  await assert.rejects(world.lifecycle.endDormant(), /a defect/)
})

test('an index that has rested is not at rest again after the next start, whatever the clock was set to', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  await world.lifecycle.delete(tunnel.id)
  world.setWallClock(world.now - TWENTY_YEARS)
  world = await world.restart()
  world.now += 2 * TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-0')
  world = await world.restart()
  world.now += 2 * TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(9))).tunnel.device, 'fn6-1')
})

test('an index that was freed under a longer TTL rests for as long as caches hold its old name', async () => {
  world = await world.restart({ ttl: DAY })
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  await world.lifecycle.delete(tunnel.id)
  world = await world.restart({ ttl: 0 })
  world.now += DAY
  assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-1')
  world.now += TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(9))).tunnel.device, 'fn6-0')
})

test('an index that is freed after a start with a shorter TTL rests until caches have let the former one go', async () => {
  world = await world.restart({ ttl: DAY })
  const former = registered(await registerOne(world.lifecycle, request(7))).tunnel
  world = await world.restart({ ttl: 0 })
  world = await world.restart({ ttl: 0 })
  await world.lifecycle.delete(former.id)
  world.now += DAY
  assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-1')
  world.now += TTL
  const later = registered(await registerOne(world.lifecycle, request(9))).tunnel
  assert.equal(later.device, 'fn6-0')
  await world.lifecycle.delete(later.id)
  world.now += TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(10))).tunnel.device, 'fn6-0')
})
