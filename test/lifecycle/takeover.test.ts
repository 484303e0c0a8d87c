import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { EndpointChange } from '../../src/lifecycle/moves.ts'
import type { Registration } from '../../src/lifecycle/registration.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { codesOf } from './stages.ts'
import { registerOne, World } from './world.ts'

let world: World
let mover: Tunnel
let holder: Tunnel
const [OLD, WANTED, THIRD] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'] as const

beforeEach(async () => {
  world = await World.open()
  mover = await registered(OLD, 'mover')
  holder = await registered(WANTED, 'holder')
  await world.lifecycle.bringUpNew()
})

afterEach(() => world.end())

async function registered(ipv4: string, nicname: string): Promise<Tunnel> {
  const outcome: Registration = await registerOne(world.lifecycle, {
    ipv4,
    nicname,
    country: 'ca',
    os: 'linux',
  })
  return outcome.kind === 'registered' ? outcome.tunnel : assert.fail(JSON.stringify(outcome))
}

function takeOver(): Promise<EndpointChange> {
  return world.lifecycle.takeEndpoint(mover.id, { ipv4: WANTED, holder: holder.id })
}

/** The endpoints of mover and holder in the table and in the kernel. */
function endpoints() {
  return {
    table: [mover, holder].map(({ id }) => world.table.byId(id)?.ipv4Client),
    kernel: [mover, holder].map(({ device }) => world.kernel.links.get(device)?.ipv4Client),
  }
}

test('a takeover exchanges the endpoints in the table and in the kernel, and changes nothing else', async () => {
  await world.lifecycle.recordRound({ answered: [], silent: [holder.id] })
  const before = world.table.byId(holder.id)
  assert.equal((await takeOver()).kind, 'changed')
  assert.deepEqual(endpoints(), { table: [WANTED, OLD], kernel: [WANTED, OLD] })
  assert.deepEqual(world.table.byId(holder.id), { ...before, ipv4Client: OLD })
  assert.deepEqual((await world.lifecycle.reconcile()).made, [])
})

test('a takeover never has two interfaces between the same ends', async () => {
  const seen: string[] = []
  const { kernel } = world
  const change = kernel.changeRemote.bind(kernel)
  kernel.changeRemote = async links => {
    const faults = await change(links)
    const remotes = [...kernel.links.values()].map(({ ipv4Client }) => ipv4Client)
    if (new Set(remotes).size < remotes.length) seen.push(...remotes.map(String))
    return faults
  }
  await takeOver()
  assert.deepEqual(seen, [])
})

test('a takeover that the kernel refuses leaves both as they were', async () => {
  const was = { table: [OLD, WANTED], kernel: [OLD, WANTED] }
  world.kernel.refusing.set(holder.device, 'no')
  assert.equal((await takeOver()).kind, 'refused')
  assert.deepEqual(endpoints(), was)
  world.kernel.refusing.clear()
  world.kernel.refusing.set(mover.device, 'no')
  assert.equal((await takeOver()).kind, 'refused')
  assert.deepEqual(endpoints(), was)
})

test('a takeover that is asked for twice at once is done once', async () => {
  const changes = await Promise.all([takeOver(), takeOver()])
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ['changed', 'unchanged'],
  )
  assert.deepEqual(endpoints(), { table: [WANTED, OLD], kernel: [WANTED, OLD] })
})

test('an endpoint that its holder has left is moved to, and where the holder is now is left alone', async () => {
  const [left, change] = await Promise.all([world.lifecycle.changeEndpoint(holder.id, THIRD), takeOver()])
  assert.deepEqual([left.kind, change.kind], ['changed', 'changed'])
  assert.deepEqual(endpoints(), { table: [WANTED, THIRD], kernel: [WANTED, THIRD] })
})

test('an endpoint that its holder has left to somebody else is in use', async () => {
  const other = await registered(THIRD, 'other')
  const [, , change] = await Promise.all([
    world.lifecycle.changeEndpoint(holder.id, '198.51.100.4'),
    world.lifecycle.changeEndpoint(other.id, WANTED),
    takeOver(),
  ])
  assert.deepEqual(codesOf(change), ['ipv4-in-use'])
  assert.deepEqual(endpoints().table, [OLD, '198.51.100.4'])
})

test('the endpoint of a holder that is gone is moved to', async () => {
  await world.lifecycle.delete(holder.id)
  assert.equal((await takeOver()).kind, 'changed')
  assert.deepEqual(endpoints(), { table: [WANTED, undefined], kernel: [WANTED, undefined] })
})

test('a takeover by a tunnel that is gone is refused', async () => {
  await world.lifecycle.delete(mover.id)
  assert.deepEqual(codesOf(await takeOver()), ['not-found'])
  assert.deepEqual(endpoints().table, [undefined, WANTED])
})

test('a takeover reaches no further than its transaction: a crash before it leaves the table as it was', async () => {
  world.kernel.changeRemote = () => Promise.reject(new Error('killed'))
  await assert.rejects(takeOver())
  world = await world.crash()
  assert.deepEqual(endpoints().table, [OLD, WANTED])
})

test('a holder that was heard before is as silent after a takeover, and since when, as it was', async () => {
  await world.lifecycle.recordRound({ answered: [holder.id], silent: [] })
  for (let round = 0; round < 2; round++)
    await world.lifecycle.recordRound({ answered: [], silent: [holder.id] })
  const before = world.table.byId(holder.id)
  world.now += 600
  assert.equal((await takeOver()).kind, 'changed')
  assert.deepEqual(world.table.byId(holder.id), { ...before, ipv4Client: OLD })
})
