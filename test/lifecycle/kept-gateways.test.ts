import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import type { Prober } from '../../src/echo/prober.ts'
import { keptGateways } from '../../src/kept-gateways.ts'
import type { Gateway } from '../../src/monitor/default-gateways.ts'
import type { Monitor } from '../../src/monitor/monitor.ts'
import { monitorOf } from '../../src/monitoring.ts'
import type { Log } from '../../src/shared/log.ts'
import { configText } from '../spawn.ts'
import { heard } from './stages.ts'
import { SILENT, World } from './world.ts'

const ROUTER: Gateway = { family: 4, address: '192.0.2.1' }
const IPV6_ROUTER: Gateway = { family: 6, address: 'fe80::1%eth0' }
const OTHER: Gateway = { family: 4, address: '192.0.2.254' }

let world: World
/** Whose echoes do not come back. */
let isSilent: (address: string) => boolean

beforeEach(async () => {
  isSilent = () => false
  const probe: Prober['probe'] = async addresses =>
    new Map(
      addresses.map(address => [
        address,
        isSilent(address) ? { kind: 'silent' } : { kind: 'answered', rttMs: 1 },
      ]),
    )
  world = await World.open({ prober: { kind: 'fping', probe } })
  for (const n of [1, 2, 3]) await heard(world, n)
})
afterEach(() => world.end())

/** The monitor as a start makes it, with these default gateways; undefined: the kernel can't be asked. */
function started(gateways: readonly Gateway[] | undefined, log: Log = SILENT): Monitor {
  const reading = parseConfig(configText(''), join(world.directory, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  return monitorOf(reading.config, { broker: world.broker, log, readGateways: async () => gateways })
}

/** A process with these gateways, in which all are heard but those that are silent for good, and then the end of it. */
async function hadHeard(...gateways: readonly Gateway[]): Promise<void> {
  assert.equal((await started(gateways).runRound()).outcome, 'recorded')
  world = await world.restart()
}

/** The first round of a process with these gateways in which nobody answers at all. */
async function roundOfSilence(gateways: readonly Gateway[] | undefined): Promise<readonly [string, number]> {
  isSilent = () => true
  const { outcome, silent } = await started(gateways).runRound()
  return [outcome, silent]
}

for (const gateway of [ROUTER, IPV6_ROUTER]) {
  test(`a start during an outage counts nobody while the gateway ${gateway.address}, which had answered, is silent`, async () => {
    await hadHeard(gateway)
    isSilent = () => true
    const monitor = started([gateway])
    for (let round = 0; round < 3; round++) assert.equal((await monitor.runRound()).outcome, 'own-outage')
    assert.match(monitor.trouble() ?? '', new RegExp(`${gateway.address} does not answer any more`))
  })
}

test('another start in the same outage counts nobody either', async () => {
  await hadHeard(ROUTER)
  assert.deepEqual(await roundOfSilence([ROUTER]), ['own-outage', 0])
  world = await world.restart()
  assert.deepEqual(await roundOfSilence([ROUTER]), ['own-outage', 0])
})

test('the kernel may be asked for the gateway in vain at first', async () => {
  await hadHeard(ROUTER)
  isSilent = () => true
  let gateways: readonly Gateway[] | undefined
  const reading = parseConfig(configText(''), join(world.directory, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  const readGateways = async () => gateways
  const monitor = monitorOf(reading.config, { broker: world.broker, log: SILENT, readGateways })
  assert.equal((await monitor.runRound()).outcome, 'recorded')
  gateways = [ROUTER]
  assert.equal((await monitor.runRound()).outcome, 'own-outage')
})

test('a start without a default route, which a router gives, is an outage of our own', async () => {
  await hadHeard(ROUTER)
  assert.deepEqual(await roundOfSilence([]), ['own-outage', 0])
})

test('a start behind another gateway knows nothing of it, and silence counts', async () => {
  await hadHeard(ROUTER)
  assert.deepEqual(await roundOfSilence([OTHER]), ['recorded', 3])
})

test('a gateway that never answered says nothing at a start either', async () => {
  isSilent = address => address === ROUTER.address
  await hadHeard(ROUTER)
  assert.deepEqual(await roundOfSilence([ROUTER]), ['recorded', 3])
})

test('a gateway that answered no more when rounds last counted says nothing', async () => {
  await hadHeard(ROUTER)
  isSilent = address => address === ROUTER.address
  await hadHeard(ROUTER)
  assert.deepEqual(await roundOfSilence([ROUTER]), ['recorded', 3])
})

test('the note is written when it changes alone', async t => {
  const keep = t.mock.method(world.broker.store, 'keepSecret')
  const monitor = started([ROUTER])
  for (let round = 0; round < 3; round++) await monitor.runRound()
  assert.equal(keep.mock.callCount(), 1)
})

test('a disk that takes no note is told once, and rounds count as ever', async t => {
  const full = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
  t.mock.method(world.broker.store, 'keepSecret', () => {
    throw full
  })
  const lines: string[] = []
  const monitor = started([ROUTER], { ...SILENT, warn: (_facts, line) => void lines.push(line) })
  for (let round = 0; round < 3; round++) assert.equal((await monitor.runRound()).outcome, 'recorded')
  assert.deepEqual(lines, ['which gateway answers could not be noted for the next start'])
})

test('a gateway that no start has heard for a week is no evidence any more, however often it was started', () => {
  const notes = new Map<string, string>()
  let now = 1_796_000_000
  const store = {
    secret: (name: string) => notes.get(name),
    keepSecret: (name: string, value: string) => void notes.set(name, value),
  }
  const kept = () => keptGateways(store, { log: SILENT, now: () => now })
  kept().keep([ROUTER, IPV6_ROUTER])
  for (let day = 0; day < 7; day++, now += 86_400) assert.deepEqual(kept().read(), [ROUTER, IPV6_ROUTER])
  assert.deepEqual(kept().read(), [])
  kept().keep([ROUTER])
  assert.deepEqual(kept().read(), [ROUTER])
})
