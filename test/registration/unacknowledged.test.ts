import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Prober } from '../../src/echo/prober.ts'
import type { RegistrationInput } from '../../src/registration/admission.ts'
import { Customers } from '../../src/registration/customers.ts'
import { VisitorLimits } from '../../src/registration/limits.ts'
import { Registrar } from '../../src/registration/registrar.ts'
import type { VisitorAddress } from '../../src/registration/visitor.ts'
import { codesOf, registered } from '../lifecycle/stages.ts'
import { SILENT, World } from '../lifecycle/world.ts'

const HOME = '8.8.4.4'
const ASKED = { ipv4: HOME, nicname: 'alice', country: 'ca', os: 'linux' }
const PROBER: Prober = {
  kind: 'ping',
  probe: async targets => new Map(targets.map(target => [target, { kind: 'answered', rttMs: 1 }])),
}
let world: World

beforeEach(async () => {
  world = await World.open({ prober: PROBER })
})

afterEach(() => world.end())

function from(address: string): VisitorAddress {
  return { address, family: 4, source: 'connection' }
}

function register(input: RegistrationInput = ASKED, visitor = from(HOME)) {
  const registrar = new Registrar({
    admission: world.broker.admission,
    lifecycle: world.lifecycle,
    limits: new VisitorLimits(1000, new Customers([])),
    contacts: { read: () => ({ problems: [], contact: undefined, asking: [] }) },
    log: SILENT,
  })
  return registrar.register(input, visitor)
}

/** The process is killed before its reply is sent, and started again. */
async function killed(seconds = 1): Promise<void> {
  world.now += seconds
  world = await world.crash()
}

test('a registration whose reply was lost with the process is answered when it is sent again, with a key that opens it', async () => {
  const { tunnel: first, key: lost } = registered(await register())
  await killed()
  const { tunnel, key } = registered(await register({ ...ASKED, nicname: ' Alice' }))
  assert.equal(tunnel.id, first.id)
  assert.ok(world.table.keyMatches(tunnel.id, key) && !world.table.keyMatches(tunnel.id, lost))
  assert.equal(world.table.count(), 1)
})

test('one that is sent again with another MTU and with a routed prefix is followed, and one with none that there is is refused', async () => {
  world.end()
  world = await World.open({ prober: PROBER, routed: '2001:db8:a000::/52' })
  registered(await register())
  await killed()
  assert.deepEqual(codesOf(await register({ ...ASKED, mtu: 12 })), ['mtu-range'])
  const { tunnel } = registered(await register({ ...ASKED, mtu: 1300, wantsRouted: true }))
  assert.deepEqual([tunnel.mtu, tunnel.routedPrefix?.length], [1300, 56])
})

const OTHERS: readonly [what: string, input: Partial<typeof ASKED>, visitor: string][] = [
  ['from another address', {}, '8.8.8.8'],
  ['for another address', { ipv4: '8.8.8.8' }, '8.8.8.8'],
  ['with another name', { nicname: 'bob' }, HOME],
  ['with another system', { os: 'debian' }, HOME],
]

for (const [what, input, visitor] of OTHERS)
  test(`one ${what} gets no key of it`, async () => {
    const { tunnel, key } = registered(await register())
    await killed()
    assert.equal((await register({ ...ASKED, ...input }, from(visitor))).kind, 'refused')
    assert.ok(world.table.keyMatches(tunnel.id, key))
  })

test('a tunnel that this process has registered, that was heard, or that is older is the owner’s who has its key', async () => {
  const refusal = ['ipv4-in-use', 'nicname-taken']
  const { tunnel } = registered(await register())
  assert.deepEqual(codesOf(await register()), refusal)
  await killed(601)
  assert.deepEqual(codesOf(await register()), refusal)
  await world.lifecycle.delete(tunnel.id)
  world.now += 1000
  const { tunnel: heard } = registered(await register())
  await world.lifecycle.recordRound({ answered: [heard.id], silent: [] })
  await killed()
  assert.deepEqual(codesOf(await register()), refusal)
})

test('a wall clock that is set back opens no window', async () => {
  const refusal = ['ipv4-in-use', 'nicname-taken']
  registered(await register())
  await killed()
  world.now += 601
  world.setWallClock(world.now - 20 * 365 * 86_400)
  assert.deepEqual(codesOf(await register()), refusal)
})

test('one that came back with a new key is given another when that was lost with the process', async () => {
  const { tunnel } = registered(await register())
  world.edit(`UPDATE tunnels SET creation_time = creation_time - 100000`)
  await world.audit.run()
  await world.lifecycle.suspend(tunnel.id)
  world.edit('UPDATE dormant SET suspended = 0')
  const { key: lost } = registered(await register())
  const refusal = ['ipv4-in-use', 'nicname-taken']
  assert.deepEqual(codesOf(await register()), refusal, 'its reply may be on its way')
  await killed()
  const { key } = registered(await register())
  assert.ok(world.table.keyMatches(tunnel.id, key) && !world.table.keyMatches(tunnel.id, lost))
})
