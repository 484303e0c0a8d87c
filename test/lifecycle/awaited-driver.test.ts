import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { SIT } from '../../src/kind/sit/sit.ts'
import { AwaitedInterfaces, type DriverChoice } from '../../src/tunnel/awaited-interfaces.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { FakeKernel, registerOne, SILENT, World } from './world.ts'

const REASON = 'ip was ended: deadline'

let world: World
let kernel: FakeKernel
let choice: DriverChoice
let stands: boolean
let house: Tunnel

beforeEach(async () => {
  kernel = new FakeKernel()
  stands = true
  choice = { reason: REASON }
  world = await World.open({ kernel, kinds: new Kinds({ ...SIT, openDriver: async () => kernel }) })
  const request = { ipv4: '198.51.100.1', country: 'ca', os: 'linux', nicname: 'house' }
  const registration = await registerOne(world.lifecycle, request)
  assert.ok(registration.kind === 'registered')
  await world.lifecycle.bringUpNew()
  house = world.table.byId(registration.tunnel.id) as Tunnel
  const openDriver = async () =>
    new AwaitedInterfaces({
      kind: 'sit',
      device: '*',
      reason: REASON,
      choose: async () => choice,
      isAlwaysMissed: true,
      stands: async () => stands,
      log: SILENT,
    })
  world = await world.restart({ kinds: new Kinds({ ...SIT, openDriver }) })
})

afterEach(() => world.end())

describe('a start without what makes tunnels', () => {
  test('is a trouble, and says of each tunnel why it can’t be seen to', async () => {
    const { interfaces, lifecycle } = world.broker
    assert.equal(interfaces.trouble(), REASON)
    assert.deepEqual(await interfaces.prepare(), [{ device: '*', reason: REASON }])
    await lifecycle.reconcile()
    assert.equal(lifecycle.faultOf(house.id), REASON)
  })

  test('refuses what it can’t do: the former process’s tunnel is up in the kernel', async () => {
    const refused = /"refused".*"interface-fault"/
    assert.match(JSON.stringify(await world.lifecycle.suspend(house.id)), refused)
    assert.match(JSON.stringify(await world.lifecycle.delete(house.id, 'operator')), refused)
    assert.deepEqual([...kernel.links.keys()], [house.device])
    assert.equal(world.table.byId(house.id)?.unreachable, 0)
  })

  test('takes back a row of which nothing is in the kernel', async () => {
    stands = false
    assert.equal((await world.lifecycle.delete(house.id, 'operator')).kind, 'deleted')
  })

  test('counts nobody’s silence', async () => {
    assert.deepEqual([...(await world.lifecycle.check([house.id], performance.now()))], [])
  })

  test('is over with the first preparation that finds it, and harm is heard of from then on', async () => {
    const { interfaces } = world.broker
    let harms = 0
    let watched: (() => void) | undefined
    const watch = (harmed: () => void) => {
      watched = harmed
      return () => {
        watched = undefined
      }
    }
    const end = interfaces.watch(() => harms++)
    choice = { driver: Object.assign(kernel, { watch }) }
    assert.equal((await interfaces.prepare()).length, 1, 'at the start it has just been tried')
    assert.deepEqual(await interfaces.prepare(), [])
    assert.equal(interfaces.trouble(), undefined)
    await world.lifecycle.reconcile()
    watched?.()
    assert.equal(harms, 1)
    end()
    assert.equal(watched, undefined)
    assert.equal(world.lifecycle.faultOf(house.id), undefined)
    assert.equal((await world.lifecycle.suspend(house.id)).kind, 'suspended')
    assert.equal(kernel.links.size, 0)
  })
})

test('a driver that comes after the end is closed at once', async () => {
  let isClosed = false
  const close = () => {
    isClosed = true
  }
  const { promise, resolve } = Promise.withResolvers<DriverChoice>()
  const awaited = new AwaitedInterfaces({
    kind: 'none',
    device: 'fn6-wg',
    reason: REASON,
    choose: () => promise,
    isAlwaysMissed: true,
    stands: async () => true,
    log: SILENT,
  })
  await awaited.prepare()
  const prepared = awaited.prepare()
  awaited.close()
  resolve({ driver: Object.assign(new FakeKernel(), { close }) })
  assert.equal((await prepared).length, 1)
  assert.ok(isClosed)
})
