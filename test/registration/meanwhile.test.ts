/** What an owner wants while the kernel is busy with something else about the same tunnel. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Prober } from '../../src/echo/prober.ts'
import { Customers } from '../../src/registration/customers.ts'
import { VisitorLimits } from '../../src/registration/limits.ts'
import { OwnerChanges } from '../../src/registration/owner-changes.ts'
import { Registrar } from '../../src/registration/registrar.ts'
import type { VisitorAddress } from '../../src/registration/visitor.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { codesOf, heard, miss, registered, request, stateIn } from '../lifecycle/stages.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'

const ANSWERING: Prober = {
  kind: 'ping',
  probe: async targets => new Map(targets.map(target => [target, { kind: 'answered', rttMs: 1 }])),
}
const NEW_ENDPOINT = '8.8.8.8'

let world: World
let registrar: Registrar
let changes: OwnerChanges

beforeEach(async () => {
  world = await World.open({ prober: ANSWERING, routed: '2001:db8:a000::/55' })
  const limits = new VisitorLimits(1000, new Customers([]))
  const parts = { admission: world.broker.admission, lifecycle: world.lifecycle, limits }
  changes = new OwnerChanges(parts)
  registrar = new Registrar({
    ...parts,
    contacts: { read: () => ({ problems: [], contact: undefined, asking: [] }) },
    log: SILENT,
  })
})
afterEach(() => world.end())

/** Holds the kernel's next work of this sort until it is let go. */
function hold(t: TestContext, work: 'remove' | 'changeRemote') {
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const real = world.kernel[work].bind(world.kernel) as (...args: unknown[]) => unknown
  const held = async (...args: unknown[]) => {
    begun.resolve()
    await go.promise
    return real(...args)
  }
  t.mock.method(world.kernel, work, held as never)
  return { begun: begun.promise, go: go.resolve }
}

function from(address: string): VisitorAddress {
  return { address, family: 4, source: 'connection' }
}

function row({ id }: Tunnel): Tunnel {
  return world.table.byId(id) ?? assert.fail('it has no row')
}

/** Its last round puts it to sleep, once the kernel's work is let go. */
async function fallingAsleep(t: TestContext, index?: number) {
  const { tunnel } = await heard(world, index)
  await miss(world, tunnel, 2)
  const { begun, go } = hold(t, 'remove')
  const round = world.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })
  await begun
  return {
    tunnel,
    async fall() {
      await nextTurn()
      go()
      assert.equal((await round).removed, 1)
    },
  }
}

test('a move that waits while a round puts the tunnel to sleep brings it back', async t => {
  const { tunnel, fall } = await fallingAsleep(t)
  const moved = changes.changeEndpoint(row(tunnel), NEW_ENDPOINT, from(NEW_ENDPOINT))
  await fall()
  assert.equal((await moved).kind, 'moved')
  assert.equal(row(tunnel).ipv4Client, NEW_ENDPOINT)
})

test('so does whoever takes the endpoint of another', async t => {
  const other = (await heard(world, 20)).tunnel
  const { tunnel, fall } = await fallingAsleep(t)
  const wanted = { ipv4: other.ipv4Client ?? '', holder: other.id }
  const taken = world.lifecycle.takeEndpoint(tunnel.id, wanted)
  await fall()
  assert.equal((await taken).kind, 'changed')
  assert.equal(row(tunnel).ipv4Client, other.ipv4Client)
})

test('of two moves the later one holds, although the first is still at the kernel', async t => {
  const home = '8.8.4.4'
  const { tunnel } = registered(await registerOne(world.lifecycle, { ...request(7), ipv4: home }))
  const { begun, go } = hold(t, 'changeRemote')
  const away = changes.changeEndpoint(row(tunnel), NEW_ENDPOINT, from(NEW_ENDPOINT))
  await begun
  const back = changes.changeEndpoint(row(tunnel), home, from(home))
  await nextTurn()
  go()
  assert.deepEqual([(await away).kind, (await back).kind], ['moved', 'moved'])
  assert.equal(row(tunnel).ipv4Client, home)
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, home)
})

for (const isWanted of [true, false]) {
  const wish = isWanted ? 'a prefix' : 'none'
  const prefixed = (tunnel: Tunnel | undefined) => tunnel?.routedPrefix !== undefined

  test(`whoever wants ${wish} first, and the opposite while that is at the kernel, has what was wanted last`, async t => {
    const { tunnel } = await heard(world)
    if (!isWanted) await world.lifecycle.changeRouted(tunnel.id, true)
    const shown = row(tunnel)
    const { begun, go } = hold(t, 'changeRemote')
    const first = changes.changeRouted(shown, isWanted)
    await begun
    const last = changes.changeRouted(shown, !isWanted)
    await nextTurn()
    go()
    const answers = (await Promise.all([first, last])).map(
      answer => answer.kind === 'moved' && prefixed(answer.tunnel),
    )
    assert.deepEqual(answers, [isWanted, !isWanted])
    assert.equal(prefixed(row(tunnel)), !isWanted)
    assert.equal(world.kernel.links.get(tunnel.device)?.routedPrefix !== undefined, !isWanted)
  })

  test(`whoever wants ${wish} while the operator does the opposite is told what is so then`, async t => {
    const { tunnel } = await heard(world)
    if (isWanted) await world.lifecycle.changeRouted(tunnel.id, true)
    const shown = row(tunnel)
    const { begun, go } = hold(t, 'changeRemote')
    const operators = world.lifecycle.changeRouted(tunnel.id, !isWanted)
    await begun
    const owners = changes.changeRouted(shown, isWanted)
    await nextTurn()
    go()
    assert.equal((await operators).kind, 'changed')
    const answer = await owners
    assert.equal(answer.kind === 'moved' && prefixed(answer.tunnel), isWanted)
    assert.equal(prefixed(row(tunnel)), isWanted)
  })
}

test('an MTU that the operator is about to change is asked for anew', async t => {
  const { tunnel } = await heard(world)
  const { begun, go } = hold(t, 'changeRemote')
  const operators = world.lifecycle.changeMtu(tunnel.id, 1300)
  await begun
  const owners = changes.changeMtu(row(tunnel), undefined)
  await nextTurn()
  go()
  await Promise.all([operators, owners])
  assert.equal(row(tunnel).mtu, undefined)
})

test('what waits to move a tunnel when its owner gets a new key does not move it', async t => {
  const { tunnel } = await heard(world)
  const { begun, go } = hold(t, 'changeRemote')
  const first = changes.changeEndpoint(row(tunnel), NEW_ENDPOINT, from(NEW_ENDPOINT))
  await begun
  const waiting = changes.changeEndpoint(row(tunnel), '8.8.4.4', from('8.8.4.4'))
  assert.equal((await world.lifecycle.renewKey(tunnel.id)).kind, 'renewed')
  go()
  assert.equal((await first).kind, 'moved')
  assert.deepEqual(codesOf(await waiting), ['unauthorized'])
  assert.equal(row(tunnel).ipv4Client, NEW_ENDPOINT)
})

test('a tunnel that the operator suspends stays, although its owner deletes it meanwhile', async t => {
  const { tunnel } = await heard(world)
  const { begun, go } = hold(t, 'remove')
  const suspended = world.lifecycle.suspend(tunnel.id)
  await begun
  const deleted = registrar.delete(row(tunnel))
  await nextTurn()
  go()
  assert.equal((await suspended).kind, 'suspended')
  assert.deepEqual(codesOf(await deleted), ['suspended'])
  assert.equal(stateIn(world, tunnel), 'suspended')
})
