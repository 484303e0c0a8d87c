import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Turnover } from '../../src/observation/turnover.ts'
import { registerOne, World } from '../lifecycle/world.ts'

const DAY = 86_400

/** Counts what a real broker commits. */
async function setUp(t: TestContext, monitor?: string) {
  const world = await World.open(monitor === undefined ? {} : { monitor })
  t.after(() => world.end())
  const clock = { now: 5 * DAY + 7 }
  const turnover = new Turnover({
    isKept: id => world.table.dormant.byId(id) !== undefined,
    now: () => clock.now,
  })
  world.broker.store.onCommitted(({ rows }) => turnover.follow(rows))
  let last = 0
  const register = async () => {
    last++
    const wanted = { ipv4: `192.0.2.${last + 1}`, nicname: `n${last}`, country: 'ca', os: 'linux' }
    const registration = await registerOne(world.lifecycle, wanted)
    return registration.kind === 'registered' ? registration.tunnel.id : assert.fail('registered')
  }
  const silence = async (id: string) => {
    await world.lifecycle.recordRound({ answered: [id], silent: [] })
    for (let round = 0; round < 6; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
  }
  return { world, clock, turnover, register, silence }
}

test('registrations and deletions are counted in their day', async t => {
  const { world, clock, turnover, register } = await setUp(t)
  const id = await register()
  await register()
  clock.now += DAY
  await world.lifecycle.delete(id)
  clock.now += DAY
  assert.deepEqual(turnover.days(), [
    { registered: 2, removed: 0 },
    { registered: 0, removed: 1 },
    { registered: 0, removed: 0 },
  ])
})

test('a tunnel that falls asleep and wakes up neither comes nor goes; one that ends has gone', async t => {
  const { world, turnover, register, silence } = await setUp(t)
  const id = await register()
  await silence(id)
  assert.ok(world.table.dormant.byId(id) !== undefined)
  await world.lifecycle.wake(id)
  assert.deepEqual(turnover.days(), [{ registered: 1, removed: 0 }])
  await silence(id)
  await world.lifecycle.delete(id)
  assert.deepEqual(turnover.days(), [{ registered: 1, removed: 1 }])
})

test('where nothing is kept, a tunnel that was silent too long has gone', async t => {
  const { turnover, register, silence } = await setUp(t, 'keep = "0s"')
  await silence(await register())
  assert.deepEqual(turnover.days(), [{ registered: 1, removed: 1 }])
})

test('a month is remembered', async t => {
  const { clock, turnover, register } = await setUp(t)
  await register()
  clock.now += 40 * DAY
  await register()
  const days = turnover.days()
  assert.equal(days.length, 31)
  assert.deepEqual(days.at(-1), { registered: 1, removed: 0 })
  assert.equal(days.filter(({ registered }) => registered > 0).length, 1)
})
