import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, type TestContext, test } from 'node:test'
import { Turnover } from '../../src/observation/turnover.ts'
import { TurnoverFile } from '../../src/observation/turnover-file.ts'
import { NEW, type Tunnel } from '../../src/tunnel/tunnel.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'

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

/** One that nobody has told anything yet. */
function fresh(day: number): Turnover {
  return new Turnover({ isKept: () => false, now: () => day * DAY })
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

test('a day is one of UTC, whenever the process has started', async t => {
  const { clock, turnover, register } = await setUp(t)
  clock.now = 6 * DAY - 1
  await register()
  clock.now = 6 * DAY
  await register()
  assert.deepEqual(turnover.days(), [
    { registered: 1, removed: 0 },
    { registered: 1, removed: 0 },
  ])
})

suite('counts by day outlast a restart', () => {
  let directory: string
  let file: string
  let warnings: string[]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-turnover-'))
    file = join(directory, 'turnover')
    warnings = []
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const log = { ...SILENT, warn: (_: object, words: string) => void warnings.push(words) }
  const fileOf = (turnover: Turnover) => new TurnoverFile({ file, turnover, log })

  async function loaded(day: number): Promise<Turnover> {
    const turnover = fresh(day)
    await fileOf(turnover).load()
    return turnover
  }

  test('they are the same, and days without a count are known', async t => {
    const { clock, turnover, register } = await setUp(t)
    await register()
    clock.now += 2 * DAY
    await register()
    await fileOf(turnover).save()
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const later = await loaded(7)
    assert.deepEqual(later.days(), turnover.days())
    assert.deepEqual(
      (await loaded(9)).days().map(({ registered }) => registered),
      [1, 0, 1, 0, 0],
    )
    assert.equal((await loaded(100)).days().length, 31)
  })

  test('nothing is written where nothing was counted', async () => {
    await fileOf(fresh(5)).save()
    assert.equal(existsSync(file), false)
  })

  test('a clock that was set back leaves out what is still to come', async t => {
    const { turnover, register } = await setUp(t)
    await register()
    await fileOf(turnover).save()
    const early = await loaded(3)
    assert.deepEqual(early.days(), [{ registered: 0, removed: 0 }])
    early.follow([{ after: { unreachable: NEW } as Tunnel }])
    await fileOf(early).save()
    assert.deepEqual(
      (await loaded(5)).days().map(({ registered }) => registered),
      [1, 0, 1],
    )
  })

  test('a start before the clock is set leaves the counts as they are, and says so', async () => {
    const counted = fresh(20_000)
    counted.follow([{ after: { unreachable: NEW } as Tunnel }])
    await fileOf(counted).save()
    const early = fresh(0)
    const fileOfEarly = fileOf(early)
    await fileOfEarly.load()
    early.follow([{ after: { unreachable: NEW } as Tunnel }])
    await fileOfEarly.save()
    assert.match(warnings.join(), /the clock is not set/)
    const days = (await loaded(20_001)).days()
    assert.deepEqual(days, [
      { registered: 1, removed: 0 },
      { registered: 0, removed: 0 },
    ])
  })

  test('a file that is none of ours is left out, and said', async () => {
    const day = { number: 5, registered: 1, removed: 0 }
    const sound = { format: 'freenet6 turnover 1', first: 5, days: [day] }
    for (const text of [
      '',
      'null',
      '[]',
      JSON.stringify({ ...sound, format: 'other' }),
      JSON.stringify({ ...sound, days: [{ ...day, removed: -1 }] }),
      JSON.stringify({ ...sound, days: [{ ...day, number: '5' }] }),
      JSON.stringify({ ...sound, first: 1.5 }),
    ]) {
      writeFileSync(file, text)
      assert.deepEqual((await loaded(5)).days(), [{ registered: 0, removed: 0 }], text)
    }
    assert.equal(warnings.length, 7)
    writeFileSync(file, JSON.stringify(sound))
    assert.deepEqual((await loaded(5)).days(), [{ registered: 1, removed: 0 }])
  })

  test('what can not be written is said, and tried again', async t => {
    const { turnover, register } = await setUp(t)
    await register()
    const into = new TurnoverFile({ file: join(directory, 'none', 'turnover'), turnover, log })
    await into.save()
    assert.deepEqual(warnings, ['the counts by day can not be written'])
    mkdirSync(join(directory, 'none'))
    await into.save()
    assert.ok(existsSync(join(directory, 'none', 'turnover')))
  })
})
