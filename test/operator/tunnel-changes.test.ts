import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Outcome } from '../../src/operator/outcome.ts'
import { TunnelDiagnoses } from '../../src/operator/tunnel-diagnoses.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { bearer, type Given, LAB, PortalWorld } from '../portal/portal-world.ts'
import { newPublicKey } from '../public-key.ts'

const WEBHOOKS = `${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open(WEBHOOKS)
  given = await world.register()
})
afterEach(() => world[Symbol.asyncDispose]())

function changes() {
  return world.broker.operator.changes
}

function done<T>(outcome: Outcome<T>): T {
  return outcome.kind === 'done' ? outcome.value : assert.fail(JSON.stringify(outcome))
}

function codes(outcome: Outcome<unknown>): readonly string[] {
  return outcome.kind === 'refused' ? outcome.problems.map(({ code }) => code) : assert.fail('done')
}

async function keyed(nicname = 'phone') {
  const details = { publicKey: newPublicKey() }
  const input = { ipv4: '', nicname, country: 'ca', os: 'linux', kind: 'wireguard', details }
  return done(await world.broker.operator.add(input))
}

/** Silent for too long. */
async function fallAsleep(id: string): Promise<void> {
  await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
  for (let round = 0; round < 6; round++)
    await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
  assert.ok(world.broker.table.dormant.byId(id))
}

test('a smaller MTU stands in row and kernel at once, and goes again', async () => {
  const kernel = new FakeKernel()
  await using own = await PortalWorld.open(LAB, { kernel })
  const { id, name } = await own.register()
  const standing = () => {
    const { device = '', mtu } = own.broker.table.byId(id) ?? {}
    return [mtu, kernel.links.get(device)?.mtu]
  }
  const { operator } = own.broker
  assert.equal(done(await operator.changes.mtu(name, 1300)).mtu, 1300)
  assert.deepEqual(standing(), [1300, 1300])
  assert.equal(done(await operator.changes.mtu(id, undefined)).mtu, 1480)
  assert.deepEqual(standing(), [undefined, undefined])
  kernel.refusing.set(own.broker.table.byId(id)?.device ?? '', 'no room')
  assert.deepEqual(codes(await operator.changes.mtu(id, 1300)), ['interface-fault'])
  assert.deepEqual(standing(), [undefined, undefined])
})

test('an MTU that its kind can not carry is refused as the API refuses it', async () => {
  const { id } = await keyed()
  for (const [reference, wrong] of [
    [given.id, 1279],
    [given.id, 1481],
    [given.id, 'many'],
    [id, 1421],
  ] as const)
    assert.deepEqual(codes(await changes().mtu(reference, wrong)), ['mtu-range'])
  assert.equal(done(await changes().mtu(id, 1300)).mtu, 1300)
})

test('neither a dormant nor a suspended tunnel is woken for another MTU, and each comes back with it', async () => {
  await fallAsleep(given.id)
  const asleep = done(await changes().mtu(given.name, 1300))
  assert.deepEqual([asleep.state, asleep.mtu], ['dormant', 1300])
  await world.broker.operator.suspend(given.id)
  const suspended = done(await changes().mtu(given.name, 1400))
  assert.deepEqual([suspended.state, suspended.mtu], ['suspended', 1400])
  const back = done(await world.broker.operator.resume(given.id))
  assert.deepEqual([back.mtu, world.broker.table.byId(given.id)?.mtu], [1400, 1400])
})

test('an owner’s change of the MTU brings a dormant tunnel back', async () => {
  await fallAsleep(given.id)
  const self = `/api/v1/tunnels/${given.id}`
  const changed = JSON.parse((await world.askJson(self, 'PATCH', { mtu: 1300 }, bearer(given.key))).text)
  assert.deepEqual([changed.state, changed.mtu], ['active', 1300])
})

test('a tunnel moves to another endpoint after the checks of a registration; a dormant one comes back there', async () => {
  assert.equal(done(await changes().endpoint(given.name, '192.0.2.9')).ipv4_client, '192.0.2.9')
  const other = await world.register({ nicname: 'bob', ipv4: '192.0.2.10' })
  assert.deepEqual(codes(await changes().endpoint(given.id, '192.0.2.10')), ['ipv4-in-use'])
  assert.deepEqual(codes(await changes().endpoint(given.id, '300.0.0.1')), ['ipv4-syntax'])
  assert.deepEqual(codes(await changes().endpoint(given.id, '224.0.0.1')), ['ipv4-special'])
  await fallAsleep(other.id)
  const back = done(await changes().endpoint(other.id, '192.0.2.11'))
  assert.deepEqual([back.state, back.ipv4_client], ['active', '192.0.2.11'])
  await world.broker.operator.suspend(other.id)
  assert.deepEqual(codes(await changes().endpoint(other.id, '192.0.2.12')), ['suspended'])
})

test('a WireGuard tunnel has another public key, which no other tunnel has; each kind has its own field', async () => {
  const [phone, tablet] = [await keyed('phone'), await keyed('tablet')]
  const key = newPublicKey()
  assert.equal(done(await changes().publicKey('phone.ca', ` ${key} `)).wireguard?.public_key, key)
  assert.deepEqual(codes(await changes().publicKey(tablet.id, key)), ['public-key-in-use'])
  assert.deepEqual(codes(await changes().publicKey(tablet.id, 'AAAA')), ['public-key-syntax'])
  assert.deepEqual(codes(await changes().publicKey(given.id, newPublicKey())), ['field-unknown'])
  assert.deepEqual(codes(await changes().endpoint(phone.id, '192.0.2.9')), ['field-unknown'])
})

test('an owner is asked before anything is sent, and no more is after the operator has taken the address away', async () => {
  const told = done(await changes().contact(given.name, 'email', ' alice@example.org '))
  assert.deepEqual([told.email, told.email_confirmed], ['alice@example.org', false])
  const posted = done(await changes().contact(given.name, 'webhook', 'https://ntfy.sh/alice'))
  assert.deepEqual([posted.email, posted.webhook], ['alice@example.org', 'https://ntfy.sh/alice'])
  assert.deepEqual(codes(await changes().contact(given.name, 'email', 'alice@')), ['email-syntax'])
  assert.deepEqual(codes(await changes().contact(given.name, 'webhook', 'https://example.com/')), [
    'webhook-host',
  ])
  const quiet = done(await changes().contact(given.name, 'email', ''))
  assert.deepEqual([quiet.email, quiet.webhook], [undefined, 'https://ntfy.sh/alice'])
  assert.equal(done(await changes().contact(given.name, 'webhook', '')).webhook, undefined)
})

test('a registration by the operator takes all that one by an owner takes, and says all that is wrong together', async () => {
  const { operator, table } = world.broker
  const plain = { ipv4: '192.0.2.20', nicname: 'carol', country: 'ca', os: 'linux' }
  const contact = { email: 'carol@example.org', language: 'en' }
  const added = done(await operator.add({ ...plain, mtu: 1300, contact }))
  assert.deepEqual([added.mtu, added.email, added.email_confirmed], [1300, 'carol@example.org', false])
  const wrong = { ...plain, mtu: 9, wantsRouted: true, contact: { email: 'x', language: 'en' } }
  assert.deepEqual(codes(await operator.add(wrong)), [
    'ipv4-in-use',
    'nicname-taken',
    'routed-prefix-none',
    'mtu-range',
    'email-syntax',
  ])
  const unmailable = {
    ...plain,
    ipv4: '192.0.2.21',
    nicname: 'dave',
    contact: { email: 'x', language: 'en' },
  }
  assert.deepEqual(codes(await operator.add(unmailable)), ['email-syntax'])
  assert.equal(table.idByName('dave', 'ca'), undefined)
})

test('the operator hears of an endpoint that does not answer, where that is no reason to refuse', async () => {
  await using lenient = await PortalWorld.open(LAB.replace('"off"', '"warn"'))
  lenient.silent.add('192.0.2.30')
  const { operator } = lenient.broker
  const input = { ipv4: '192.0.2.30', nicname: 'erin', country: 'ca', os: 'linux' }
  const { id, warnings } = done(await operator.add(input))
  assert.deepEqual(
    warnings?.map(({ code }) => code),
    ['ipv4-unreachable'],
  )
  lenient.silent.add('192.0.2.31')
  const moved = done(await operator.changes.endpoint(id, '192.0.2.31'))
  assert.deepEqual(
    moved.warnings?.map(({ code }) => code),
    ['ipv4-unreachable'],
  )
})

test('what is no tunnel is not changed', async () => {
  for (const outcome of [
    await changes().mtu('nobody.ca', 1300),
    await changes().endpoint('nobody.ca', '192.0.2.9'),
    await changes().publicKey('nobody.ca', newPublicKey()),
    await changes().contact('nobody.ca', 'email', ''),
  ])
    assert.deepEqual(codes(outcome), ['not-found'])
})

test('why a tunnel does not work is said in the words of its owner’s page, and wakes nobody', async () => {
  const diagnosed: string[] = []
  const diagnoses = new TunnelDiagnoses({
    table: world.broker.table,
    origin: 'freenet6.net',
    diagnose: async ({ id }) => {
      diagnosed.push(id)
      return {
        finding: 'large-lost',
        tunnel: 'answered',
        large: 'silent',
        endpoint: undefined,
        roundTripMs: 7,
        fault: '',
      }
    },
  })
  const { detail, ...report } = done(await diagnoses.of(given.name))
  assert.match(detail, /^Small packets pass, large ones are lost: .* 1280/)
  assert.deepEqual(report, {
    id: given.id,
    name: given.name,
    finding: 'large-lost',
    seen: { tunnel: 'answered', large: 'silent', endpoint: 'not-asked' },
    rtt_ms: 7,
  })
  await fallAsleep(given.id)
  assert.equal(done(await diagnoses.of(given.id)).id, given.id)
  assert.ok(world.broker.table.dormant.byId(given.id))
  assert.deepEqual(codes(await diagnoses.of('nobody.ca')), ['not-found'])
  assert.deepEqual(diagnosed, [given.id, given.id])
})
