import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Registration } from '../../src/lifecycle/registration.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { registerOne, World } from './world.ts'

let world: World
let mover: Tunnel
let holder: Tunnel
const [OLD, WANTED] = ['198.51.100.1', '198.51.100.2'] as const

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
  assert.equal((await world.lifecycle.takeEndpoint(mover.id, holder.id)).kind, 'changed')
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
  await world.lifecycle.takeEndpoint(mover.id, holder.id)
  assert.deepEqual(seen, [])
})

test('a takeover that the kernel refuses leaves both as they were', async () => {
  const was = { table: [OLD, WANTED], kernel: [OLD, WANTED] }
  world.kernel.refusing.set(holder.device, 'no')
  assert.equal((await world.lifecycle.takeEndpoint(mover.id, holder.id)).kind, 'refused')
  assert.deepEqual(endpoints(), was)
  world.kernel.refusing.clear()
  world.kernel.refusing.set(mover.device, 'no')
  assert.equal((await world.lifecycle.takeEndpoint(mover.id, holder.id)).kind, 'refused')
  assert.deepEqual(endpoints(), was)
})

test('a takeover from a tunnel that is gone is refused', async () => {
  await world.lifecycle.delete(holder.id)
  assert.equal((await world.lifecycle.takeEndpoint(mover.id, holder.id)).kind, 'refused')
  assert.equal(world.table.byId(mover.id)?.ipv4Client, OLD)
})

test('a takeover reaches no further than its transaction: a crash before it leaves the table as it was', async () => {
  world.kernel.changeRemote = () => Promise.reject(new Error('killed'))
  await assert.rejects(world.lifecycle.takeEndpoint(mover.id, holder.id))
  world = await world.crash()
  assert.deepEqual(endpoints().table, [OLD, WANTED])
})
