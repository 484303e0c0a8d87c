import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { SIT } from '../../src/kind/sit/sit.ts'
import { WIREGUARD } from '../../src/kind/wireguard/wireguard.ts'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { Census } from '../../src/observation/census.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { newPublicKey } from '../public-key.ts'
import { FakeKernel, ORIGIN, registerOne, SILENT, World } from './world.ts'

const DAY = 86_400
const BOTH = ['sit', 'wireguard']
const SIT_ALONE = ['sit']

let world: World
let peers: FakeKernel
let phone: Tunnel
let warnings: (object & { readonly kind?: string })[]

beforeEach(async () => {
  const kernel = new FakeKernel()
  peers = new FakeKernel()
  warnings = []
  const kinds = new Kinds(
    { ...SIT, openDriver: async () => kernel },
    { ...WIREGUARD, openDriver: async () => peers, removeLeftovers: async () => [] },
  )
  const log = { ...SILENT, warn: (facts: object) => void warnings.push(facts) }
  world = await World.open({ kernel, kinds, log, offered: BOTH })
  await registered('house', { ipv4: '198.51.100.1' })
  phone = await registered('phone', { kind: { name: 'wireguard', publicKey: newPublicKey() } })
})

afterEach(() => world.end())

async function registered(nicname: string, of: object): Promise<Tunnel> {
  const request = { ipv4: undefined, country: 'ca', os: 'linux', ...of }
  const registration = await registerOne(world.lifecycle, { ...request, nicname })
  assert.ok(registration.kind === 'registered', JSON.stringify(registration))
  return registration.tunnel
}

function isNamed(nicname: string): boolean {
  return world.catalog.rrset(wireName(`${nicname}.ca.${ORIGIN}`), TYPE.AAAA) !== undefined
}

async function answered(): Promise<void> {
  await world.lifecycle.recordRound({ answered: [phone.id], silent: [] })
}

/** With a commit at the end, as the other tunnels bring: without one the time would be that of a stop, which ends nothing. */
async function pass(days: number): Promise<void> {
  world.now += days * DAY
  await world.lifecycle.endDormant()
  await registered(`later${days}`, { ipv4: `192.0.2.${days % 256}` })
}

describe('a tunnel whose kind the configuration offers no more', () => {
  test('has no name, is not asked, and is counted and listed as what it is; the others go on', async () => {
    await answered()
    world = await world.restart({ offered: SIT_ALONE })
    assert.deepEqual([isNamed('house'), isNamed('phone')], [true, false])
    const targets = await world.lifecycle.probeTargets()
    assert.equal(targets.length, 1)
    const { active, waiting, unoffered, broken } = world.table.countByState()
    assert.deepEqual(
      { active, waiting, unoffered, broken },
      { active: 0, waiting: 1, unoffered: 1, broken: 0 },
    )
    const { tunnels } = world.broker.operator.list('', 10, { state: 'unoffered', kind: 'wireguard' })
    assert.deepEqual(
      tunnels.map(({ id, fault }) => [id, fault]),
      [[phone.id, 'wireguard is not among tunnel.kinds']],
    )
    assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
    const census = new Census({ table: world.table, isCountry: () => true })
    assert.equal((await census.figures())?.tunnels, 1)
  })

  test('is named in the log by its kind, once however many there are', async () => {
    await registered('tablet', { kind: { name: 'wireguard', publicKey: newPublicKey() } })
    world = await world.restart({ offered: SIT_ALONE })
    await world.audit.run()
    assert.deepEqual(warnings, [{ kind: 'wireguard' }])
  })

  test('is what it was once the kind is offered again: name, addresses, key and count', async () => {
    await answered()
    const before = world.table.byId(phone.id)
    world = await world.restart({ offered: SIT_ALONE })
    await pass(400)
    world = await world.restart({ offered: BOTH })
    await world.lifecycle.reconcile()
    assert.deepEqual(world.table.byId(phone.id), before)
    assert.ok(isNamed('phone'))
    assert.ok(peers.links.has(phone.device))
    assert.equal(world.table.countByState().unoffered, 0)
  })

  test('keeps its name and its addresses from others', async () => {
    world = await world.restart({ offered: SIT_ALONE })
    const other = { ipv4: '198.51.100.2', nicname: 'phone', country: 'ca', os: 'linux' }
    const registration = await registerOne(world.lifecycle, other)
    assert.equal(registration.kind === 'refused' && registration.problems[0]?.code, 'nicname-taken')
    assert.notEqual((await registered('third', { ipv4: '198.51.100.3' })).device, phone.device)
  })

  test('does not wait its time out while it can’t be heard', async () => {
    world = await world.restart({ offered: SIT_ALONE })
    await pass(400)
    world = await world.restart({ offered: BOTH })
    await world.lifecycle.recordRound({ answered: [], silent: [phone.id] })
    assert.equal(world.table.dormant.byId(phone.id), undefined)
    assert.notEqual(world.table.byId(phone.id), undefined)
  })

  test('does not end while it can’t come back, and then has half of its time at least', async () => {
    await answered()
    for (let round = 0; round < 3; round++)
      await world.lifecycle.recordRound({ answered: [], silent: [phone.id] })
    assert.notEqual(world.table.dormant.byId(phone.id), undefined)
    world = await world.restart({ offered: SIT_ALONE })
    assert.deepEqual([...world.lifecycle.endingWithin(40 * DAY, 10)], [])
    await pass(400)
    assert.equal(world.table.dormant.count(), 1)
    assert.equal((await world.lifecycle.wake(phone.id)).kind, 'refused')
    world = await world.restart({ offered: BOTH })
    await pass(14)
    assert.equal((await world.lifecycle.wake(phone.id)).kind, 'woken')
  })

  test('is deleted by the operator', async () => {
    world = await world.restart({ offered: SIT_ALONE })
    assert.equal((await world.broker.operator.delete(`phone.ca.${ORIGIN}`)).kind, 'done')
    assert.equal(world.table.countByState().unoffered, 0)
    assert.equal(world.table.count(), 1)
  })
})
