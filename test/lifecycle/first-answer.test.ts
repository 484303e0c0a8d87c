import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { answered, heard, miss, registered, request, stateIn } from './stages.ts'
import { registerOne, World } from './world.ts'

const DAY = 86_400
let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

test('a tunnel that has never been heard waits: it has interface and names, and silence does not count', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  assert.equal(await miss(world, tunnel, 100), 0)
  assert.equal(stateIn(world, tunnel), 'waiting')
  assert.equal(world.table.byId(tunnel.id)?.unreachable, 0)
  assert.equal(answered(world, tunnel), formatIpv6(tunnel.ipv6Client))
  assert.ok(world.kernel.links.has(tunnel.device))
})

test('its first answer makes it active, and from then on silence counts', async () => {
  const { tunnel } = await heard(world)
  assert.equal(stateIn(world, tunnel), 'active')
  await miss(world, tunnel)
  assert.equal(stateIn(world, tunnel), 'unreachable')
  assert.equal(await miss(world, tunnel, 2), 1)
})

test('after first_answer without a sign it ends as one over the threshold does, with the round that asked it', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  world.now += DAY - 1
  assert.equal(await miss(world, tunnel), 0)
  world.now += 1
  assert.deepEqual(await world.lifecycle.recordRound({ answered: [], silent: [] }), { removed: 0 })
  assert.equal(await miss(world, tunnel), 1)
  assert.equal(stateIn(world, tunnel), 'dormant')
  assert.equal(answered(world, tunnel), undefined)
})

test('the wait goes on over a restart, for as long as the process runs', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  world.now += 3 * DAY
  world = await world.restart()
  assert.equal(await miss(world, tunnel), 0, 'nobody could be heard while the server was down')
  world.now += DAY
  assert.equal(await miss(world, tunnel), 1)
})

test('first_answer = "0s" counts from the start, as the draft does', async () => {
  world.end()
  world = await World.open({ monitor: 'first_answer = "0s"' })
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  assert.equal(stateIn(world, tunnel), 'active')
  assert.equal(await miss(world, tunnel, 3), 1)
})

test('a row of another program waits for nothing: it counts as the draft counts', async () => {
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
    VALUES ('byhand', '198.51.100.200', '2001:db8:f6::2', '2001:db8:f6::1', 'fn6-0', 'byhand', 'ca', 'linux', 1, 0, x'00')`)
  assert.equal((await world.lifecycle.recordRound({ answered: [], silent: ['byhand'] })).removed, 0)
  assert.equal(world.table.byId('byhand')?.unreachable, 1)
})

test('a state says since when it is so', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  const since = () => (world.table.byId(tunnel.id)?.stateSince ?? 0) - 1_000_000
  world.now += 10
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  assert.equal(since(), 10)
  world.now += 10
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  assert.equal(since(), 10)
  await miss(world, tunnel)
  world.now += 10
  await miss(world, tunnel)
  assert.equal(since(), 20)
})

test('a move starts the count at 0: it was another address that was silent', async () => {
  const { tunnel } = await heard(world)
  await miss(world, tunnel, 2)
  await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.77')
  assert.equal(world.table.byId(tunnel.id)?.unreachable, 0)
  assert.equal(await miss(world, tunnel, 2), 0)
})

test('targets say who answered when it was last counted', async () => {
  const [answering, silent] = [await heard(world, 1), await heard(world, 2)]
  await miss(world, silent.tunnel)
  const waiting = registered(await registerOne(world.lifecycle, request(3)))
  const last = new Map(
    (await world.lifecycle.probeTargets()).map(({ id, answeredLast }) => [id, answeredLast]),
  )
  assert.deepEqual(
    [answering, silent, waiting].map(({ tunnel }) => last.get(tunnel.id)),
    [true, false, false],
  )
})

test('one that moves while it waits has all of its time at the new address', async () => {
  const { tunnel } = registered(await registerOne(world.lifecycle, request(7)))
  world.now += DAY - 30
  assert.equal((await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.99')).kind, 'changed')
  world.now += DAY - 1
  assert.equal(await miss(world, tunnel), 0)
  world.now += 1
  assert.equal(await miss(world, tunnel), 1)
})

test('one that was heard waits for nothing after a move', async () => {
  const { tunnel } = await heard(world)
  assert.equal((await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.99')).kind, 'changed')
  assert.equal(await miss(world, tunnel, 3), 1)
})
