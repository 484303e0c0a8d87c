import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Monitor } from '../../src/monitor/monitor.ts'
import { watchTunnels } from '../../src/monitoring.ts'
import { Stops } from '../../src/stops.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { codesOf, dormant, heard, miss } from './stages.ts'
import { SILENT, World } from './world.ts'

const BUSY = Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 })
const FREE = '198.51.100.99'

let world: World
let tunnel: Tunnel
/** How often nobody knew what the kernel has. */
let doubts: number

beforeEach(async () => {
  world = await World.open({ routed: '2001:db8:8000::/55', monitor: 'keep = "30d"' })
  ;({ tunnel } = await heard(world))
  doubts = 0
  world.broker.onUnsure = () => doubts++
})
afterEach(() => world.end())

const CHANGES: Readonly<Record<string, () => Promise<Parameters<typeof codesOf>[0]>>> = {
  'a move': () => world.lifecycle.changeEndpoint(tunnel.id, FREE),
  'another MTU': () => world.lifecycle.changeMtu(tunnel.id, 1300),
  'a prefix that is given': () => world.lifecycle.changeRouted(tunnel.id, true),
  'a deletion': () => world.lifecycle.delete(tunnel.id),
  'a suspension': () => world.lifecycle.suspend(tunnel.id),
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`${what} that the kernel neither does nor takes back leaves a doubt, and its reason, until the comparison`, async () => {
    world.kernel.refusing.set(tunnel.device, 'nft did not end in time')
    assert.deepEqual(codesOf(await change()), ['interface-fault'])
    assert.equal(doubts, 1)
    assert.equal(world.lifecycle.faultOf(tunnel.id), 'nft did not end in time')
    world.kernel.refusing.clear()
    await world.lifecycle.reconcile()
    assert.equal(world.lifecycle.faultOf(tunnel.id), undefined)
  })
}

test('a prefix that the kernel neither takes back nor gives again leaves a doubt', async () => {
  await world.lifecycle.changeRouted(tunnel.id, true)
  world.kernel.refusing.set(tunnel.device, 'busy')
  assert.deepEqual(codesOf(await world.lifecycle.changeRouted(tunnel.id, false)), ['interface-fault'])
  assert.equal(doubts, 1)
})

test('an exchange of endpoints leaves a doubt if the holder’s interface can not be made again', async () => {
  const holder = (await heard(world, 8)).tunnel
  world.kernel.refusing.set(holder.device, 'no')
  const wanted = { ipv4: holder.ipv4Client ?? '', holder: holder.id }
  assert.deepEqual(codesOf(await world.lifecycle.takeEndpoint(tunnel.id, wanted)), ['interface-fault'])
  assert.equal(doubts, 1)
})

test('a dormant tunnel whose row can not come back leaves a doubt if its interface stays', async t => {
  const sleeper = (await dormant(world, 9)).tunnel
  t.mock.method(world.broker.store, 'commit', () => Promise.reject(BUSY), { times: 1 })
  t.mock.method(world.kernel, 'remove', async () => [{ device: sleeper.device, reason: 'busy' }], {
    times: 1,
  })
  assert.deepEqual(codesOf(await world.lifecycle.wake(sleeper.id)), ['storage-busy'])
  assert.equal(doubts, 1)
  assert.equal(world.lifecycle.faultOf(sleeper.id), undefined)
})

test('a silent tunnel whose interface stays leaves a doubt', async () => {
  world.kernel.refusing.set(tunnel.device, 'busy')
  assert.equal(await miss(world, tunnel, 3), 0)
  assert.equal(doubts, 1)
})

test('what is done, or refused and taken back, leaves none', async t => {
  const change = world.kernel.changeRemote.bind(world.kernel)
  const fails = t.mock.method(world.kernel, 'changeRemote', change)
  fails.mock.mockImplementationOnce(async links => links.map(({ device }) => ({ device, reason: 'no' })))
  assert.deepEqual(codesOf(await world.lifecycle.changeEndpoint(tunnel.id, FREE)), ['interface-fault'])
  assert.equal((await world.lifecycle.changeEndpoint(tunnel.id, FREE)).kind, 'changed')
  await world.lifecycle.delete(tunnel.id)
  assert.equal(doubts, 0)
})

test('doubts are one comparison at once, and those that come while it fails wait until it is tried again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  t.mock.method(performance, 'now', () => 0)
  const monitor = new Monitor({
    lifecycle: world.lifecycle,
    prober: world.broker.prober,
    intervalMs: 600_000,
    timeoutMs: 1000,
    anchors: [],
    log: SILENT,
    dryRun: false,
    prepare: async () => [],
    readGateways: async () => [],
  })
  const stops = new Stops()
  t.after(() => stops.end(SILENT))
  const calls = { now: 0, most: 0, all: 0 }
  const reconcile = world.lifecycle.reconcile.bind(world.lifecycle)
  t.mock.method(world.lifecycle, 'reconcile', async () => {
    calls.all++
    calls.most = Math.max(calls.most, ++calls.now)
    return reconcile().finally(() => calls.now--)
  })
  const settled = async () => {
    for (let turn = 0; turn < 50; turn++) await setImmediate()
  }
  watchTunnels(monitor, {
    broker: Object.assign(world.broker, { interfaces: { kind: 'sit', watch: () => () => undefined } }),
    stops,
    log: SILENT,
  })
  await settled()
  assert.equal(calls.all, 1)
  world.kernel.links.delete(tunnel.device) // what the comparison has to make
  world.kernel.refusing.set(tunnel.device, 'no')
  for (let click = 0; click < 5; click++) await world.lifecycle.changeEndpoint(tunnel.id, FREE)
  t.mock.timers.tick(500)
  await settled()
  assert.equal(calls.all, 2)
  for (let click = 0; click < 5; click++) await world.lifecycle.changeEndpoint(tunnel.id, FREE)
  t.mock.timers.tick(999)
  await settled()
  assert.equal(calls.all, 2)
  t.mock.timers.tick(1)
  await settled()
  assert.deepEqual(calls, { now: 0, most: 1, all: 3 })
})
