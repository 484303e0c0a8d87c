import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseConfig } from '../src/config/config.ts'
import type { Prober, Verdict } from '../src/echo/prober.ts'
import { type Figures, METRICS } from '../src/health/metric-table.ts'
import { SIT } from '../src/kind/sit/sit.ts'
import { kernelTroubles, troublesOf } from '../src/measuring.ts'
import type { Monitor } from '../src/monitor/monitor.ts'
import { monitorOf } from '../src/monitoring.ts'
import { Kinds } from '../src/tunnel/kind.ts'
import { heard } from './lifecycle/stages.ts'
import { FakeKernel, SILENT, World } from './lifecycle/world.ts'
import { configText } from './spawn.ts'
import { until } from './until.ts'

const FILTER = 'no source filter, so no tunnels: nft is not there'
const MONITORS = `the kernel is not as tunnels need it: ${FILTER}`

/** A kernel that does not take the source filter, until it is told to. */
class Unfiltered extends FakeKernel {
  reason: string | undefined = FILTER

  override async prepare() {
    return this.reason === undefined ? [] : [{ device: 'fn6-all', reason: this.reason }]
  }

  trouble(): string | undefined {
    return this.reason
  }
}

/** What /healthz would say of this broker. */
function troubles(broker: World['broker'], monitor: Monitor): readonly string[] {
  const dns = { listeners: { tlsTroubles: [], pending: [], unbound: [] } }
  return troublesOf({ lastResort: { troubles: () => [] }, broker, monitor, dns, sockets: undefined })
}

function monitorIn(t: TestContext, world: World, config = ''): Monitor {
  const reading = parseConfig(configText(config), join(world.directory, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  const readGateways = async () => []
  const monitor = monitorOf(reading.config, { broker: world.broker, log: SILENT, readGateways })
  t.after(() => monitor.stop())
  return monitor
}

/** What the metric of this name shows of the monitor. */
function shown(name: string, monitor: Monitor): ReturnType<(typeof METRICS)[number]['read']> | undefined {
  const figures: Pick<Figures, 'monitor'> = { monitor: () => monitor.figures() }
  return METRICS.find(row => row.name === name)?.read(figures as Figures)
}

test('an outage of our own is a trouble as long as it lasts', async t => {
  let verdict: Verdict = { kind: 'silent' }
  const probe: Prober['probe'] = async addresses => new Map(addresses.map(one => [one, verdict]))
  const world = await World.open({ prober: { kind: 'fping', probe } })
  t.after(() => world.end())
  const monitor = monitorIn(t, world, '[monitor]\nanchors = ["192.0.2.254"]')
  assert.deepEqual(troubles(world.broker, monitor), [])
  await monitor.runRound()
  const [trouble, ...others] = troubles(world.broker, monitor)
  assert.match(trouble ?? '', /^cut off since \S+Z: no address of monitor\.anchors answers$/)
  assert.deepEqual(others, [])
  verdict = { kind: 'answered', rttMs: 1 }
  await monitor.runRound()
  assert.deepEqual(troubles(world.broker, monitor), [])
})

test('metrics say since when an outage of our own lasts, and of whom nothing is known in it', async t => {
  let verdict: Verdict = { kind: 'silent' }
  const probe: Prober['probe'] = async addresses => new Map(addresses.map(one => [one, verdict]))
  const world = await World.open({ prober: { kind: 'fping', probe } })
  t.after(() => world.end())
  await heard(world)
  const monitor = monitorIn(t, world, '[monitor]\nanchors = ["192.0.2.254"]')
  const since = () => shown('freenet6_monitor_own_outage_start_timestamp_seconds', monitor)
  assert.equal(since(), 0)
  const before = Math.floor(Date.now() / 1000)
  await monitor.runRound()
  const begin = Number(since())
  assert.ok(begin >= before && begin <= Date.now() / 1000, `${begin}`)
  assert.deepEqual(shown('freenet6_monitor_last_round_tunnels', monitor), {
    asked: 1,
    answered: 0,
    silent: 0,
    unknown: 1,
    removed: 0,
  })
  verdict = { kind: 'answered', rttMs: 1 }
  await monitor.runRound()
  assert.equal(since(), 0)
})

test('a missing source filter is a trouble from the start, by whomever it is found, and named once', async t => {
  const kernel = new Unfiltered()
  const world = await World.open({ kernel, kinds: new Kinds({ ...SIT, openDriver: async () => kernel }) })
  t.after(() => world.end())
  const monitor = monitorIn(t, world)
  assert.deepEqual(troubles(world.broker, monitor), [FILTER])
  await monitor.start()
  assert.deepEqual(troubles(world.broker, monitor), [MONITORS])
  kernel.reason = undefined
  monitor.kernelHarmed()
  await until(async () => troubles(world.broker, monitor).length === 0, 'still told')
})

test('what driver and monitor both miss is named once, and nothing is left out', () => {
  assert.deepEqual(kernelTroubles(MONITORS, FILTER), [MONITORS])
  assert.deepEqual(kernelTroubles(undefined, FILTER), [FILTER])
  assert.deepEqual(kernelTroubles('cut off', FILTER), ['cut off', FILTER])
  assert.deepEqual(kernelTroubles('cut off', undefined), ['cut off'])
  assert.deepEqual(kernelTroubles(undefined, undefined), [])
})
