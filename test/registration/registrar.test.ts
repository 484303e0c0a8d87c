import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Prober } from '../../src/echo/prober.ts'
import { Customers } from '../../src/registration/customers.ts'
import { VisitorLimits } from '../../src/registration/limits.ts'
import { OwnerChanges } from '../../src/registration/owner-changes.ts'
import { Registrar } from '../../src/registration/registrar.ts'
import type { VisitorAddress } from '../../src/registration/visitor.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { codesOf, miss, registered, stateIn } from '../lifecycle/stages.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'

const [OLD, NEW] = ['8.8.4.4', '8.8.8.8'] as const
/** Every host answers an echo, and no tunnel does. */
const SILENT_TUNNELS: Prober = {
  kind: 'ping',
  probe: async targets =>
    new Map(
      targets.map(target => [
        target,
        target.includes(':') ? { kind: 'silent' } : { kind: 'answered', rttMs: 1 },
      ]),
    ),
}
let world: World
let registrar: Registrar
let changes: OwnerChanges

beforeEach(async () => {
  world = await World.open({ prober: SILENT_TUNNELS, routed: '2001:db8:a000::/55' })
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

function from(address: string): VisitorAddress {
  return { address, family: 4, source: 'connection' }
}

async function up(nicname: string, ipv4: string): Promise<Tunnel> {
  return registered(await registerOne(world.lifecycle, { ipv4, nicname, country: 'ca', os: 'linux' })).tunnel
}

async function asleep(nicname: string, ipv4: string): Promise<Tunnel> {
  const { id } = await up(nicname, ipv4)
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  await miss(world, { id }, 3)
  return world.table.dormant.byId(id) ?? assert.fail(`${nicname} is not dormant`)
}

test('a dormant tunnel comes back at the address of its owner although a silent tunnel has that', async () => {
  const tunnel = await asleep('alice', OLD)
  const holder = await up('bob', NEW)
  assert.equal((await changes.changeEndpoint(tunnel, NEW, from(NEW))).kind, 'moved')
  assert.equal(stateIn(world, tunnel), 'waiting')
  assert.deepEqual(
    [tunnel, holder].map(({ id }) => world.table.byId(id)?.ipv4Client),
    [NEW, OLD],
  )
})

test('a dormant tunnel that has no endpoint to give for that of a silent one is refused with ipv4-in-use', async () => {
  const tunnel = await asleep('alice', OLD)
  await up('bob', NEW)
  await up('carol', OLD)
  assert.deepEqual(codesOf(await changes.changeEndpoint(tunnel, NEW, from(NEW))), ['ipv4-in-use'])
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('registered again while a silent tunnel has its endpoint it is refused, and that is counted as any refusal', async () => {
  const tunnel = await asleep('alice', OLD)
  await up('bob', OLD)
  const input = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'linux' }
  const codes: string[] = []
  for (let times = 0; times < 61; times++) codes.push(...codesOf(await registrar.register(input, from(OLD))))
  assert.deepEqual([codes[0], codes[59], codes[60]], ['ipv4-in-use', 'ipv4-in-use', 'too-many-requests'])
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('who registers a dormant tunnel again gets it as it is asked for now, on one system or another', async () => {
  const { id } = await asleep('alice', OLD)
  const again = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'openbsd', wantsRouted: true, mtu: 1280 }
  const outcome = await registrar.register(again, from(OLD))
  assert.equal(outcome.kind === 'registered' && outcome.warnings.length, 0)
  const { os, mtu, routedPrefix } = world.table.byId(id) ?? assert.fail('it is back')
  assert.deepEqual([os, mtu, routedPrefix?.length], ['openbsd', 1280, 56])
  assert.equal(world.kernel.links.get('fn6-0')?.mtu, 1280)
})

test('who has got it back hears so with the key, although what else was asked for can not be read any more', async t => {
  const { id } = await asleep('alice', OLD)
  const stop = world.broker.store.onCommitted(() => {
    stop()
    const unreadable = Object.assign(new Error('disk I/O error'), { errcode: 10 })
    t.mock.method(world.lifecycle, 'changeRouted', () => Promise.reject(unreadable))
  })
  const again = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'linux', wantsRouted: true }
  const outcome = await registrar.register(again, from(OLD))
  assert.deepEqual(outcome.kind === 'registered' && outcome.warnings.map(({ code }) => code), ['partly-done'])
  assert.equal(outcome.kind === 'registered' && world.table.keyMatches(id, outcome.key), true)
})

test('what a dormant tunnel had is left where nothing else is asked for', async () => {
  const { id } = await up('alice', OLD)
  await world.lifecycle.changeMtu(id, 1300)
  await world.lifecycle.changeRouted(id, true)
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  await miss(world, { id }, 3)
  await registrar.register({ ipv4: OLD, nicname: 'alice', country: 'ca', os: 'linux' }, from(OLD))
  const { mtu, routedPrefix } = world.table.byId(id) ?? assert.fail('it is back')
  assert.deepEqual([mtu, routedPrefix?.length], [1300, 56])
})

test('who registers a dormant tunnel again with what there is not is refused, and it stays as it is', async () => {
  const tunnel = await asleep('alice', OLD)
  const again = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'plan10', mtu: 12 }
  assert.deepEqual(codesOf(await registrar.register(again, from(OLD))), ['os-unknown', 'mtu-range'])
  assert.equal(stateIn(world, tunnel), 'dormant')
})

test('a dormant tunnel comes back without the routed prefix that nobody has any more, and its owner is told', async () => {
  const { id } = await asleep('alice', OLD)
  for (const [nicname, ipv4] of [
    ['bob', '8.8.8.1'],
    ['carol', '8.8.8.2'],
  ] as const)
    await world.lifecycle.changeRouted((await up(nicname, ipv4)).id, true)
  const again = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'linux', wantsRouted: true }
  const outcome = await registrar.register(again, from(OLD))
  assert.deepEqual(outcome.kind === 'registered' && outcome.warnings.map(({ code }) => code), [
    'routed-prefixes-full',
  ])
  assert.equal(world.table.byId(id)?.routedPrefix, undefined)
})

/** Bob's tunnel has taken the endpoint of Alice's, which was silent, and hers fell asleep at the one that was his. */
async function asleepWhereBobWas(atOld: (id: string) => Promise<void>): Promise<Tunnel> {
  const [alice, bob] = [await up('alice', NEW), await up('bob', OLD)]
  await world.lifecycle.recordRound({ answered: [alice.id, bob.id], silent: [] })
  assert.equal((await changes.changeEndpoint(bob, NEW, from(NEW))).kind, 'moved')
  await atOld(alice.id)
  await miss(world, alice, 3)
  assert.equal(world.table.dormant.byId(alice.id)?.ipv4Client, OLD)
  return alice
}

const AGAIN = { ipv4: OLD, nicname: 'alice', country: 'ca', os: 'linux' }

test('who comes to an address that a sleeping tunnel was given in exchange does not get that tunnel by its name', async () => {
  const alice = await asleepWhereBobWas(async () => {})
  assert.deepEqual(codesOf(await registrar.register(AGAIN, from(OLD))), ['nicname-taken'])
  assert.equal(stateIn(world, alice), 'dormant')
})

test('who was heard where its tunnel was moved in exchange registers it again as anybody does', async () => {
  const alice = await asleepWhereBobWas(async id => {
    await world.lifecycle.recordRound({ answered: [id], silent: [] })
  })
  const outcome = await registrar.register(AGAIN, from(OLD))
  assert.equal(outcome.kind === 'registered' && outcome.tunnel.id, alice.id)
})

test('a move with the key makes an endpoint its owner’s own, of a tunnel that sleeps too', async () => {
  const alice = await asleepWhereBobWas(async () => {})
  assert.ok(world.table.proofs.isEndpointGiven(alice.id))
  assert.equal((await changes.changeEndpoint(alice, '9.9.9.9', from('9.9.9.9'))).kind, 'moved')
  assert.ok(!world.table.proofs.isEndpointGiven(alice.id))
})

test('a sleeper that is heard at the endpoint that it was given has come there; one whose owner looks in has not', async () => {
  for (const isHeard of [true, false]) {
    const alice = await asleepWhereBobWas(async () => {})
    assert.equal((await world.lifecycle.wake(alice.id, { isHeard })).kind, 'woken')
    assert.equal(world.table.proofs.isEndpointGiven(alice.id), !isHeard)
    for (const { id } of world.table.after('', 9).rows) await world.lifecycle.delete(id)
    assert.deepEqual(world.table.proofs.idsWithGivenEndpoint(), [])
  }
})

test('the log says which tunnel’s owner was not asked, for whom and for how long, and names no target', async () => {
  const { id } = await up('alice', OLD)
  const way = { kind: 'email', target: 'alice@example.org', isConfirmed: false } as const
  const lines: object[] = []
  const chatty = new Registrar({
    admission: world.broker.admission,
    lifecycle: world.lifecycle,
    limits: new VisitorLimits(1000, new Customers([])),
    contacts: { read: () => ({ problems: [], contact: { language: 'en', ways: [way] }, asking: [way] }) },
    log: { ...SILENT, info: facts => lines.push(facts) },
  })
  const keep = () => chatty.keepContact({ id }, { language: 'en' }, { visitor: from(NEW) })
  for (let times = 0; times < 3; times++) assert.deepEqual(await keep(), { kind: 'kept', warnings: [] })
  const outcome = await keep()
  const [unasked] = outcome.kind === 'kept' ? outcome.warnings : []
  assert.deepEqual([unasked?.code, unasked?.field], ['too-many-requests', 'email'])
  assert.deepEqual(lines, [{ tunnel: id, way: 'email', address: NEW, seconds: unasked?.params.seconds }])
})
