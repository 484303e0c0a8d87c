import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import type { Prober, Verdict } from '../../src/echo/prober.ts'
import { Diagnoses } from '../../src/observation/diagnosis.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { registerOne, World } from '../lifecycle/world.ts'

const ENDPOINT = '198.51.100.7'
const MTU = 1480
const ANSWERED: Verdict = { kind: 'answered', rttMs: 12 }
const SILENT: Verdict = { kind: 'silent' }

/** What lies beyond the broker: who answers, and how large packets may be on the way. */
interface Outside {
  readonly answering: Set<string>
  largest: number
  isProberBroken: boolean
  /** Called for each echo. */
  onEcho: () => void
  echoes: number
}

function proberOf(outside: Outside): Prober {
  const verdict = (target: string, size: number): Verdict => {
    if (outside.isProberBroken) return { kind: 'unknown', reason: 'no right' }
    return outside.answering.has(target) && size <= outside.largest ? ANSWERED : SILENT
  }
  return {
    kind: 'fping',
    probe: async (targets, { dataOctets }) => {
      outside.echoes++
      outside.onEcho()
      const size = dataOctets === undefined ? 100 : dataOctets + 48
      return new Map(targets.map(target => [target, verdict(target, size)]))
    },
  }
}

/** A tunnel in a real broker with a kernel in memory, whose client and endpoint answer. */
async function setUp(t: TestContext, options: { readonly isDryRun?: boolean } = {}) {
  const outside: Outside = {
    answering: new Set([ENDPOINT]),
    largest: 1500,
    isProberBroken: false,
    onEcho: () => undefined,
    echoes: 0,
  }
  const world = await World.open({ prober: proberOf(outside) })
  t.after(() => world.end())
  const request = { ipv4: ENDPOINT, nicname: 'alice', country: 'ca', os: 'linux' }
  const registration = await registerOne(world.lifecycle, request)
  if (registration.kind === 'refused') assert.fail('registered')
  const { id } = registration.tunnel
  const tunnel = () => world.table.byId(id) ?? assert.fail('there is such a tunnel')
  const client = formatIpv6(tunnel().ipv6Client)
  outside.answering.add(client)
  const clock = { now: 0 }
  const diagnoses = new Diagnoses({
    lifecycle: world.lifecycle,
    prober: world.broker.prober,
    timeoutMs: 10,
    mtuOf: () => MTU,
    isDryRun: options.isDryRun ?? false,
    now: () => clock.now,
  })
  const find = async (visitor = ENDPOINT) => {
    clock.now += 10_000
    return diagnoses.of(tunnel(), { address: visitor, family: 4 })
  }
  const hear = () => world.lifecycle.recordRound({ answered: [id], silent: [] })
  return { outside, world, id, tunnel, client, clock, diagnoses, find, hear }
}

suite('why a tunnel does not work', () => {
  test('it works: small and large packets were answered', async t => {
    const { find } = await setUp(t)
    const { finding, tunnel, large, roundTripMs } = await find()
    assert.deepEqual([finding, tunnel, large, roundTripMs], ['well', 'answered', 'answered', 12])
  })

  test('large packets are lost: something on the way takes no more than 1,400 octets', async t => {
    const { outside, find } = await setUp(t)
    outside.largest = 1400
    assert.equal((await find()).finding, 'large-lost')
  })

  test('never heard: the endpoint answers over IPv4, and nothing has ever come out of the tunnel', async t => {
    const { outside, client, find } = await setUp(t)
    outside.answering.delete(client)
    const { finding, endpoint } = await find()
    assert.deepEqual([finding, endpoint], ['never-heard', 'answered'])
  })

  test('the endpoint answers over IPv4, the tunnel, once heard, no longer', async t => {
    const { outside, client, find, hear } = await setUp(t)
    await hear()
    outside.answering.delete(client)
    assert.equal((await find()).finding, 'tunnel-filtered')
  })

  test('the endpoint is silent too', async t => {
    const { outside, find, hear } = await setUp(t)
    await hear()
    outside.answering.clear()
    assert.equal((await find()).finding, 'endpoint-silent')
  })

  test('the endpoint is silent, and its owner comes from another address', async t => {
    const { outside, find } = await setUp(t)
    outside.answering.clear()
    assert.equal((await find('198.51.100.99')).finding, 'endpoint-elsewhere')
  })

  test('packets come out of the tunnel while its echoes stay without an answer', async t => {
    const { world, outside, client, tunnel, find } = await setUp(t)
    const { device } = tunnel()
    outside.answering.delete(client)
    outside.onEcho = () => world.kernel.received.set(device, outside.echoes)
    assert.equal((await find()).finding, 'echo-filtered')
  })

  test('a first count that failed is not taken for no packets, and the second not for sending', async t => {
    const { world, outside, tunnel, find } = await setUp(t)
    outside.answering.clear()
    world.kernel.received.set(tunnel().device, 5000)
    t.mock.method(world.kernel, 'signsOfLife', async () => new Map(), { times: 1 })
    assert.equal((await find()).finding, 'endpoint-silent')
  })

  test('our own interface is missing: it is said, and made again', async t => {
    const { world, tunnel, find, outside } = await setUp(t)
    const { device } = tunnel()
    world.kernel.links.delete(device)
    assert.deepEqual([(await find()).finding, outside.echoes], ['own-interface', 0])
    assert.ok(world.kernel.links.has(device))
    assert.equal((await find()).finding, 'well')
  })

  test('the kernel refuses our own interface, in its own words', async t => {
    const { world, tunnel, find } = await setUp(t)
    const { device } = tunnel()
    world.kernel.links.delete(device)
    world.kernel.refusing.set(device, 'No buffer space available')
    const { finding, fault } = await find()
    assert.deepEqual([finding, fault], ['own-interface', 'No buffer space available'])
  })

  test('a tunnel whose interface is still to be made is told so', async t => {
    const { tunnel, diagnoses } = await setUp(t)
    const fresh: Tunnel = { ...tunnel(), unreachable: -1 }
    const { finding } = await diagnoses.of(fresh, { address: ENDPOINT, family: 4 })
    assert.equal(finding, 'being-made')
  })

  test('a dormant tunnel is dormant, and nothing is sent', async t => {
    const { world, id, outside, hear, diagnoses } = await setUp(t)
    await hear()
    for (let round = 0; round < 6; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
    const dormant = world.broker.table.dormant.byId(id) ?? assert.fail('dormant')
    const { finding } = await diagnoses.of(dormant, { address: ENDPOINT, family: 4 })
    assert.deepEqual([finding, outside.echoes], ['dormant', 0])
  })

  test('a tunnel that the operator has suspended says so', async t => {
    const { world, id, diagnoses } = await setUp(t)
    await world.lifecycle.suspend(id)
    const suspended = world.broker.table.dormant.byId(id) ?? assert.fail('suspended')
    const { finding } = await diagnoses.of(suspended, { address: ENDPOINT, family: 4 })
    assert.equal(finding, 'suspended')
  })

  test('a tunnel without an endpoint is silent, or was never heard', async t => {
    const { outside, tunnel, hear, diagnoses, clock } = await setUp(t)
    outside.answering.clear()
    const visitor = { address: ENDPOINT, family: 4 } as const
    const waiting = await diagnoses.of({ ...tunnel(), ipv4Client: undefined }, visitor)
    await hear()
    clock.now += 10_000
    const heard = await diagnoses.of({ ...tunnel(), ipv4Client: undefined }, visitor)
    assert.deepEqual([waiting.finding, heard.finding], ['never-heard', 'silent'])
  })

  test('echoes that can’t be sent say nothing of anybody', async t => {
    const { outside, find } = await setUp(t)
    outside.isProberBroken = true
    assert.equal((await find()).finding, 'unknown')
  })

  test('a dry run makes no tunnel that could work', async t => {
    const { find } = await setUp(t, { isDryRun: true })
    assert.equal((await find()).finding, 'dry-run')
  })

  test('whoever asks again within ten seconds is given the same, and nothing is sent', async t => {
    const { outside, tunnel, diagnoses, clock } = await setUp(t)
    const visitor = { address: ENDPOINT, family: 4 } as const
    const first = await diagnoses.of(tunnel(), visitor)
    const { echoes } = outside
    clock.now += 9999
    assert.equal(await diagnoses.of(tunnel(), visitor), first)
    assert.equal(outside.echoes, echoes)
    clock.now++
    await diagnoses.of(tunnel(), visitor)
    assert.ok(outside.echoes > echoes)
  })
})
