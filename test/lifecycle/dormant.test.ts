import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import {
  answered,
  besideNextChange,
  codesOf,
  dormant,
  heard,
  miss,
  registered,
  request,
  stateIn,
} from './stages.ts'
import { registerOne, TTL, World } from './world.ts'

const DAY = 86_400
let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

test('over the threshold interface, row and names go; addresses, name and key rest among the dormant', async () => {
  const { tunnel, key } = await dormant(world)
  assert.equal(world.table.byId(tunnel.id), undefined)
  assert.equal(world.kernel.links.size, 0)
  assert.equal(answered(world, tunnel), undefined)
  const kept = world.table.dormant.byId(tunnel.id)
  assert.deepEqual(
    [kept?.nicname, kept?.os, kept?.ipv4Client, kept?.device, kept?.unreachable],
    ['host7', 'linux', '198.51.100.7', tunnel.device, 3],
  )
  assert.deepEqual(kept?.dormant, {
    since: world.now,
    until: world.now + 30 * DAY,
    isSuspended: false,
  })
  assert.deepEqual(kept?.ipv6Client, tunnel.ipv6Client)
  assert.ok(world.table.keyMatches(tunnel.id, key))
})

test('with keep = "0s" it is gone at once, as in the draft', async () => {
  world.end()
  world = await World.open({ monitor: 'keep = "0s"' })
  const { tunnel } = await dormant(world)
  assert.equal(stateIn(world, tunnel), undefined)
})

test('its name and addresses are nobody else’s, over a restart too; its endpoint blocks nobody', async () => {
  const { tunnel } = await dormant(world)
  world.now += 10 * TTL
  world = await world.restart()
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, { ...request(8), nicname: 'host7' })), [
    'nicname-taken',
  ])
  const other = registered(await registerOne(world.lifecycle, { ...request(7), nicname: 'other' }))
  assert.notDeepEqual(other.tunnel.ipv6Client, tunnel.ipv6Client)
})

test('a wake brings back interface, row and names at once, with the key that it had; it waits as a new one does', async () => {
  const { tunnel, key } = await dormant(world)
  const awakened = await world.lifecycle.wake(tunnel.id)
  assert.equal(awakened.kind, 'woken')
  assert.equal(stateIn(world, tunnel), 'waiting')
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, '198.51.100.7')
  assert.equal(answered(world, tunnel), formatIpv6(tunnel.ipv6Client))
  assert.ok(world.table.keyMatches(tunnel.id, key))
  assert.equal(world.table.dormant.byId(tunnel.id), undefined)
  assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'awake')
})

test('a wake whose endpoint has another tunnel by now is refused with a code, and comes with another one', async () => {
  const { tunnel } = await dormant(world)
  await registerOne(world.lifecycle, { ...request(7), nicname: 'other' })
  assert.deepEqual(codesOf(await world.lifecycle.wake(tunnel.id)), ['ipv4-in-use'])
  assert.equal(stateIn(world, tunnel), 'dormant')
  const awakened = await world.lifecycle.wake(tunnel.id, { ipv4: '198.51.100.70' })
  assert.equal(awakened.kind, 'woken')
  assert.equal(world.table.byId(tunnel.id)?.ipv4Client, '198.51.100.70')
})

test('a wake that kernel or disk refuses leaves the tunnel dormant, with no interface', async () => {
  const { tunnel } = await dormant(world)
  world.kernel.refusing.set(tunnel.device, 'no')
  assert.deepEqual(codesOf(await world.lifecycle.wake(tunnel.id)), ['interface-fault'])
  assert.deepEqual(codesOf(await world.lifecycle.wake('nobody')), ['not-found'])
  world.kernel.refusing.clear()
  assert.equal(stateIn(world, tunnel), 'dormant')
  assert.equal(world.kernel.links.size, 0)
})

test('two wakes at once bring back one tunnel', async () => {
  const { tunnel } = await dormant(world)
  const outcomes = await Promise.all([world.lifecycle.wake(tunnel.id), world.lifecycle.wake(tunnel.id)])
  assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['awake', 'woken'])
})

test('after its time it is gone for good: the name is free, the index after its rest', async () => {
  const { tunnel } = await dormant(world)
  world.now += 30 * DAY - 1
  assert.equal(await world.lifecycle.endDormant(), 0)
  world.now += 1
  assert.equal(await world.lifecycle.endDormant(), 1)
  assert.equal(stateIn(world, tunnel), undefined)
  assert.equal(registered(await registerOne(world.lifecycle, request(7))).tunnel.device, 'fn6-1')
  world.now += 2 * TTL
  assert.equal(registered(await registerOne(world.lifecycle, request(8))).tunnel.device, 'fn6-0')
})

test('a tunnel whose owner comes by in the transaction that would end it is back, and is not counted', async () => {
  const { tunnel } = await dormant(world)
  world.now += 30 * DAY
  const ended = besideNextChange(world, () => world.lifecycle.endDormant())
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'woken')
  assert.equal(await ended, 0)
  assert.equal(stateIn(world, tunnel), 'waiting')
  assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
  assert.equal(world.kernel.links.size, 1)
})

test('a row of another program with the id of a dormant tunnel stays when that one ends', async () => {
  const { tunnel } = await dormant(world)
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash, kind)
    VALUES ('${tunnel.id}', '198.51.100.9', '2001:db8:f6:9::2', '2001:db8:f6:9::1', 'fn6-9', 'host9', 'ca', 'linux', 1, 0, x'00', 'sit')`)
  world.now += 30 * DAY
  assert.equal(await world.lifecycle.endDormant(), 1)
  assert.equal(stateIn(world, tunnel), 'active')
  assert.equal(world.table.dormant.count(), 0)
})

test('a dormant tunnel is deleted as any other', async () => {
  const { tunnel } = await dormant(world)
  const outcomes = await Promise.all([world.lifecycle.delete(tunnel.id), world.lifecycle.delete(tunnel.id)])
  assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['deleted', 'refused'])
  assert.equal(stateIn(world, tunnel), undefined)
})

test('a tunnel that is deleted while it comes back leaves no interface and no name', async () => {
  const { tunnel } = await dormant(world)
  const [awakened, deletion] = await Promise.all([
    world.lifecycle.wake(tunnel.id),
    world.lifecycle.delete(tunnel.id),
  ])
  assert.deepEqual([awakened.kind, deletion.kind], ['woken', 'deleted'])
  assert.equal(stateIn(world, tunnel), undefined)
  assert.equal(world.kernel.links.size, 0)
  assert.equal(answered(world, tunnel), undefined)
})

test('max_tunnels counts rows: one that falls asleep makes room, one that wakes takes it', async () => {
  world.end()
  world = await World.open({ maxTunnels: 1 })
  const { tunnel } = await dormant(world)
  const other = registered(await registerOne(world.lifecycle, request(8)))
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'woken')
  await world.lifecycle.delete(other.tunnel.id)
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, request(9))), ['pool-full'])
  await world.lifecycle.delete(tunnel.id)
  registered(await registerOne(world.lifecycle, request(9)))
})

test('deleting dormant tunnels makes no room that was not taken', async () => {
  world.end()
  world = await World.open({ maxTunnels: 1 })
  const { tunnel } = await dormant(world)
  await world.lifecycle.delete(tunnel.id)
  registered(await registerOne(world.lifecycle, request(8)))
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, request(9))), ['pool-full'])
})

test('states are counted, dormant and waiting ones too', async () => {
  await dormant(world, 1)
  const { tunnel } = await heard(world, 2)
  await miss(world, tunnel)
  await heard(world, 3)
  await registerOne(world.lifecycle, request(4))
  assert.deepEqual(
    { ...world.table.countByState() },
    {
      new: 0,
      waiting: 1,
      active: 1,
      unreachable: 1,
      dormant: 1,
      suspended: 0,
      unoffered: 0,
      broken: 0,
    },
  )
})

test('a row that another program wrote in the way of a dormant tunnel does not stop a round', async () => {
  const { tunnel } = await heard(world)
  world.edit(`INSERT INTO dormant (id, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash, kind, since, until)
    VALUES ('x', '2001:db8:f6:9::2', '2001:db8:f6:9::1', 'fn6-9', 'host7', 'ca', 'linux', 1, 0, x'00', 'sit', 1, 1)`)
  const other = await heard(world, 8)
  await miss(world, tunnel, 3)
  assert.equal(await miss(world, other.tunnel, 3), 1)
  assert.equal(stateIn(world, tunnel), 'unreachable')
})

const BARRIERS: readonly [what: string, columns: string][] = [
  ['name', "nicname = 'host8'"],
  ['device', "device = 'fn6-1'"],
  ['address', "IPv6client = '2001:db8:f6:1::2'"],
]

for (const [what, columns] of BARRIERS)
  test(`a tunnel whose ${what} a dormant row was given by hand is not lost when it falls silent or is suspended`, async () => {
    const sleeper = await dormant(world)
    const { tunnel, key } = await heard(world, 8)
    world.edit(`UPDATE dormant SET ${columns} WHERE id = '${sleeper.tunnel.id}'`)
    await miss(world, tunnel, 4)
    assert.deepEqual(codesOf(await world.lifecycle.suspend(tunnel.id)), ['interface-fault'])
    assert.ok(world.table.keyMatches(tunnel.id, key))
    assert.equal(stateIn(world, tunnel), 'unreachable')
    assert.ok(world.kernel.links.has(tunnel.device))
    assert.match(world.lifecycle.faultOf(tunnel.id) ?? '', /the table dormant has its name/)
    world.edit(`DELETE FROM dormant WHERE id = '${sleeper.tunnel.id}'`)
    assert.equal(await miss(world, tunnel), 1)
    assert.equal(stateIn(world, tunnel), 'dormant')
  })

test('a row that was brought back by hand and left among the dormant too sleeps again with the key that it has', async () => {
  const { tunnel } = await dormant(world)
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      unreachable, key_hash) SELECT id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      0, x'01' FROM dormant`)
  assert.equal(await miss(world, tunnel, 3), 1)
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('a device that a dormant tunnel has kept from another prefix is nobody else’s', async () => {
  const { tunnel, key } = await dormant(world)
  world = await reopened('2001:db8:ee::/48')
  const other = registered(await registerOne(world.lifecycle, request(8)))
  assert.notEqual(other.tunnel.device, tunnel.device)
  world = await reopened('2001:db8:f6::/48')
  assert.equal((await world.lifecycle.wake(tunnel.id)).kind, 'woken')
  assert.ok(world.table.keyMatches(tunnel.id, key))
})

/** The same files with another prefix in the configuration. */
async function reopened(prefix: string): Promise<World> {
  const { directory, kernel, now } = world
  world.broker.close()
  return World.open({ directory, kernel, now, prefix })
}

test('a wake whose address another row was given by hand says so, to its owner as what passes, and to the operator', async () => {
  const { tunnel } = await dormant(world)
  const other = await heard(world, 8)
  world.edit(`UPDATE tunnels SET IPv6client = '2001:db8:f6::2' WHERE id = '${other.tunnel.id}'`)
  assert.deepEqual(codesOf(await world.lifecycle.wake(tunnel.id)), ['tunnel-broken'])
  assert.match(world.lifecycle.faultOf(tunnel.id) ?? '', /has its device or one of its addresses/)
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('a tunnel that is suspended a second time has been so since the first', async () => {
  const { tunnel } = await dormant(world)
  const since = () => world.table.dormant.byId(tunnel.id)?.dormant.since
  world.now += DAY
  await world.lifecycle.suspend(tunnel.id)
  const first = since()
  assert.equal(first, world.now)
  world.now += DAY
  await world.lifecycle.suspend(tunnel.id)
  assert.equal(since(), first)
})
