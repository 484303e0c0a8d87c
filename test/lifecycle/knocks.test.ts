import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { WIREGUARD } from '../../src/kind/wireguard/wireguard.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { newPublicKey } from '../public-key.ts'
import { answered, dormant, heard, miss, registered, request, stateIn } from './stages.ts'
import { FakeKernel, registerOne, World } from './world.ts'

let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

test('a packet of its client brings a dormant tunnel back: interface, row and names, and it counts as heard', async () => {
  const { tunnel, key } = await dormant(world)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 0)
  assert.deepEqual([...world.kernel.listened], [tunnel.device])
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 1)
  assert.equal(stateIn(world, tunnel), 'active')
  assert.equal(answered(world, tunnel), formatIpv6(tunnel.ipv6Client))
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, '198.51.100.7')
  assert.ok(world.table.keyMatches(tunnel.id, key))
  await world.lifecycle.wakeHeard()
  assert.deepEqual([...world.kernel.listened], [])
})

test('one that packets have brought back and that stays silent falls asleep as any other', async () => {
  const { tunnel } = await dormant(world)
  world.kernel.knocking.add(tunnel.device)
  await world.lifecycle.wakeHeard()
  assert.equal(await miss(world, tunnel, 3), 1)
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('forged packets do not switch a name on and off: after a wake by packets the next comes ten minutes later', async () => {
  const { tunnel } = await dormant(world)
  world.kernel.knocking.add(tunnel.device)
  await world.lifecycle.wakeHeard()
  await miss(world, tunnel, 3)
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 0)
  world.now += 601
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 1)
})

test('a handshake can not be forged: a tunnel that is known by its key is back at once, as often as its client is', async () => {
  const peers = new FakeKernel()
  await world.end()
  world = await World.open({
    kinds: new Kinds(
      { ...SIT, openDriver: async () => new FakeKernel() },
      { ...WIREGUARD, openDriver: async () => peers },
    ),
  })
  const asked = { ...request(1), ipv4: undefined, kind: { name: 'wireguard', publicKey: newPublicKey() } }
  const { tunnel } = registered(await registerOne(world.lifecycle, asked))
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  for (let times = 0; times < 2; times++) {
    await miss(world, tunnel, 3)
    assert.equal(stateIn(world, tunnel), 'dormant')
    peers.knocking.add(tunnel.device)
    assert.equal((await world.lifecycle.wakeHeard()).woken, 1)
    assert.equal(stateIn(world, tunnel), 'active')
  }
})

test('where more are heard than one look wakes, the others are back with the next look', async () => {
  const tunnels = await Promise.all(
    Array.from({ length: 1002 }, (_, n) =>
      registerOne(world.lifecycle, {
        ...request(1),
        ipv4: `198.18.${n >> 8}.${n & 255}`,
        nicname: `host${n}`,
      }),
    ),
  )
  const ids = tunnels.map(registration => registered(registration).tunnel.id)
  await world.lifecycle.recordRound({ answered: ids, silent: [] })
  for (let round = 0; round < 3; round++) await world.lifecycle.recordRound({ answered: [], silent: ids })
  for (const registration of tunnels) world.kernel.knocking.add(registered(registration).tunnel.device)
  assert.deepEqual(await world.lifecycle.wakeHeard(), { listened: 1002, woken: 1000 })
  assert.deepEqual(await world.lifecycle.wakeHeard(), { listened: 2, woken: 2 })
})

test('a suspended tunnel is not listened for, nor is one that is up', async () => {
  const { tunnel } = await heard(world, 7)
  await heard(world, 8)
  await world.lifecycle.suspend(tunnel.id)
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 0)
  assert.deepEqual([...world.kernel.listened], [])
  assert.equal(stateIn(world, tunnel), 'suspended')
})

test('one whose endpoint has another tunnel by now stays asleep, and costs nobody anything', async () => {
  const { tunnel } = await dormant(world)
  const other = await registerOne(world.lifecycle, { ...request(7), nicname: 'other' })
  assert.equal(other.kind, 'registered')
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 0)
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('a kernel that refuses leaves the tunnel asleep, and the next packet tries again', async () => {
  const { tunnel } = await dormant(world)
  world.kernel.refusing.set(tunnel.device, 'no room')
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 0)
  assert.equal(stateIn(world, tunnel), 'dormant')
  world.kernel.refusing.clear()
  world.kernel.knocking.add(tunnel.device)
  assert.equal((await world.lifecycle.wakeHeard()).woken, 1)
})
