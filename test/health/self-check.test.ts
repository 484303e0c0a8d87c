import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, decode, encode } from 'dns-packet'
import type { Respond } from '../../src/engine/respond.ts'
import { type SampleTunnel, SelfCheck, type SelfCheckOptions } from '../../src/health/self-check.ts'
import { type DnsListeners, type ListenEndpoint, listenDns } from '../../src/listen/listeners.ts'
import { DgramListeners } from '../../src/listen/udp/udp-listeners.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { hasIpv6Loopback } from '../spawn.ts'

const ZONE = 'freenet6.net'
const REVERSE_ZONE = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const SAMPLE: SampleTunnel = {
  name: 'Alice.ca.freenet6.net',
  ipv6Client: '2001:db8:f6:0:0:0:0:2',
  reverseName: `2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.${REVERSE_ZONE}`,
}
/** No machine is so busy; dns2 keeps a timer as long after the answer. */
const PATIENT_MS = 5000
const AUTHORITATIVE = 0x0400
const TRUNCATED = 0x0200

/** Record data by `name/type`, names in lower case. */
type Records = Map<string, Answer>

function recordsFor(sample: SampleTunnel): Records {
  const soa = { mname: 'ns1.freenet6.net', rname: 'hostmaster.freenet6.net', serial: 1 }
  const answers: Answer[] = [
    { type: 'SOA', name: ZONE, ttl: 60, data: soa },
    { type: 'SOA', name: REVERSE_ZONE, ttl: 60, data: soa },
    { type: 'AAAA', name: sample.name, ttl: 60, data: sample.ipv6Client },
    { type: 'PTR', name: sample.reverseName, ttl: 60, data: sample.name },
  ]
  return new Map(answers.map(answer => [`${answer.name}/${answer.type}`.toLowerCase(), answer]))
}

/** A nameserver of four records; `onQuery` is told of every query first. */
function listen(endpoints: readonly ListenEndpoint[], respond: Respond): Promise<DnsListeners> {
  return listenDns({ endpoints, respond, udp: new DgramListeners(respond) })
}

function respondWith(records: Records, onQuery: (transport: string) => void = () => {}): Respond {
  return (octets, length, reply, client) => {
    onQuery(client.transport)
    const query = decode(Buffer.from(octets.subarray(0, length)))
    const question = query.questions?.[0]
    const found = records.get(`${question?.name}/${question?.type}`.toLowerCase())
    const nxdomain = found === undefined ? 3 : 0
    const message = encode({
      type: 'response',
      id: query.id ?? 0,
      flags: AUTHORITATIVE | nxdomain,
      questions: query.questions ?? [],
      answers: found === undefined ? [] : [found],
    })
    reply.set(message)
    return message.length
  }
}

const LOOPBACK: readonly Endpoint[] = [
  { address: '127.0.0.1', port: 0 },
  ...(hasIpv6Loopback() ? [{ address: '::1', port: 0 }] : []),
]

async function withListeners(
  respond: Respond,
  use: (listeners: DnsListeners) => Promise<void>,
): Promise<void> {
  const listeners = await listen(LOOPBACK, respond)
  try {
    await use(listeners)
  } finally {
    await listeners.close()
  }
}

function selfCheck(listeners: DnsListeners, options: Partial<SelfCheckOptions> = {}): SelfCheck {
  return new SelfCheck({
    listeners: () => listeners.addresses,
    zones: () => [ZONE, REVERSE_ZONE],
    sampleTunnel: () => SAMPLE,
    cacheMs: 0,
    timeoutMs: PATIENT_MS,
    ...options,
  })
}

async function reasonsOf(check: SelfCheck): Promise<readonly string[]> {
  const health = await check.check()
  return health.kind === 'healthy' ? [] : health.reasons
}

test('zones and a sample that answer as they should are healthy, on every listener and transport', async () => {
  const asked: Record<string, number> = { udp: 0, tcp: 0 }
  const respond = respondWith(recordsFor(SAMPLE), transport => {
    asked[transport] = (asked[transport] ?? 0) + 1
  })
  await withListeners(respond, async listeners => {
    assert.deepEqual(await selfCheck(listeners).check(), { kind: 'healthy' })
    assert.deepEqual(asked, { udp: 4 * LOOPBACK.length, tcp: 4 * LOOPBACK.length })
  })
})

test('what a process that is about to leave answers beside us is not ours: it is asked again', async () => {
  const [own, former] = [respondWith(recordsFor(SAMPLE)), respondWith(new Map())]
  let askedOverTcp = 0
  const besideAnother: Respond = (octets, length, reply, client) => {
    const isOfFormer = client.transport === 'tcp' && ++askedOverTcp <= 4 * LOOPBACK.length
    return (isOfFormer ? former : own)(octets, length, reply, client)
  }
  await withListeners(besideAnother, async listeners => {
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { besideAnotherMs: 60_000 })), [])
  })
})

test('without any tunnel the zones alone decide', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { sampleTunnel: () => undefined })), [])
  }))

test('wildcard addresses are asked on loopback', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const wildcards = listeners.addresses.map(({ address, port }) => ({
      address: address.includes(':') ? '::' : '0.0.0.0',
      port,
    }))
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { listeners: () => wildcards })), [])
  }))

test('troubles and a sample that can not be read are reasons, and the check has an end', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const lost = (): never => {
      throw new Error('no such table: tunnels')
    }
    const reasons = await reasonsOf(selfCheck(listeners, { sampleTunnel: lost, ownTroubles: lost }))
    assert.deepEqual([...new Set(reasons)], ['no such table: tunnels'])
  }))

test('a zone that is not served is a reason, for each listener and transport', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const reasons = await reasonsOf(selfCheck(listeners, { zones: () => [ZONE, 'example.org'] }))
    assert.equal(reasons.length, 2 * LOOPBACK.length)
    const [first] = listeners.addresses
    assert.equal(reasons[0], `udp 127.0.0.1:${first?.port}: SOA example.org: rcode NXDOMAIN`)
  }))

test('a wrong AAAA is a reason that says what was expected', () =>
  withListeners(respondWith(recordsFor({ ...SAMPLE, ipv6Client: '2001:db8:f6::bad' })), async listeners => {
    const reasons = await reasonsOf(selfCheck(listeners))
    assert.match(reasons[0] ?? '', /AAAA .*: 2001:db8:f6::2 expected, 2001:db8:f6::bad found$/)
  }))

test('a wrong PTR is a reason', () => {
  const records = recordsFor(SAMPLE)
  const key = `${SAMPLE.reverseName}/ptr`
  records.set(key, { type: 'PTR', name: SAMPLE.reverseName, ttl: 60, data: 'bob.ca.freenet6.net' })
  return withListeners(respondWith(records), async listeners => {
    assert.match(
      (await reasonsOf(selfCheck(listeners)))[0] ?? '',
      /PTR .*: alice\.ca.* expected, bob\.ca.* found$/,
    )
  })
})

test('a sample deleted while it is asked for is no failure', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const samples = [{ ...SAMPLE, name: 'gone.ca.freenet6.net' }]
    const sampleTunnel = () => samples.shift()
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { sampleTunnel })), [])
  }))

test('a sample that moved while it was asked for is asked again', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const samples = [{ ...SAMPLE, ipv6Client: '2001:db8:f6::9' }]
    const sampleTunnel = () => samples.shift() ?? SAMPLE
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { sampleTunnel })), [])
  }))

test('samples that never agree are a failure, though each is another', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    let count = 0
    const sampleTunnel = () => ({ ...SAMPLE, name: `t${count++}.ca.freenet6.net` })
    assert.match((await reasonsOf(selfCheck(listeners, { sampleTunnel })))[0] ?? '', /NXDOMAIN/)
  }))

test('silence is a reason once the deadline has passed', () =>
  withListeners(
    () => 0,
    async listeners => {
      const reasons = await reasonsOf(selfCheck(listeners, { timeoutMs: 300 }))
      assert.match(
        reasons.find(reason => reason.startsWith('udp')) ?? '',
        /no answer within 300 ms|timed out/,
      )
      assert.ok(reasons.some(reason => reason.startsWith('tcp')))
    },
  ))

/** One that answers over TCP alone as it should. */
function respondOverUdp(
  udpReply: (octets: Uint8Array, length: number, reply: Uint8Array) => number,
): Respond {
  const whole = respondWith(recordsFor(SAMPLE))
  return (...query) =>
    query[3].transport === 'udp' ? udpReply(query[0], query[1], query[2]) : whole(...query)
}

test('what the rate limit has cut over UDP is asked over TCP, and is no failure', () =>
  withListeners(respondOverUdp(cut), async listeners => {
    assert.deepEqual(await reasonsOf(selfCheck(listeners)), [])
  }))

test('what the rate limit has left out over UDP is no failure; other silence is one', async () => {
  await withListeners(
    respondOverUdp(() => 0),
    async listeners => {
      let limited = 0
      const options = { timeoutMs: 2000, limitedReplies: () => limited++ }
      assert.deepEqual(await reasonsOf(selfCheck(listeners, options)), [])
      const counted = await reasonsOf(selfCheck(listeners, { ...options, limitedReplies: () => 4 }))
      assert.equal(counted.filter(reason => reason.startsWith('udp')).length, counted.length)
      assert.ok(counted.length > 0)
    },
  )
})

/** As a rate limit lets a part of the replies out: TC, and nothing in it (RFC 1035 4.1.1). */
function cut(octets: Uint8Array, length: number, reply: Uint8Array): number {
  const query = decode(Buffer.from(octets.subarray(0, length)))
  const message = encode({
    type: 'response',
    id: query.id ?? 0,
    flags: AUTHORITATIVE | TRUNCATED,
    questions: query.questions ?? [],
  })
  reply.set(message)
  return message.length
}

test('a TCP server that accepts and says nothing does not hold the check up', async () => {
  const mute = createServer({ allowHalfOpen: true }, socket => socket.on('error', () => {}).resume())
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
  const bound = mute.address()
  assert.ok(bound !== null && typeof bound === 'object')
  const open = new Set<{ destroy(): void }>()
  mute.on('connection', socket => open.add(socket))
  const check = new SelfCheck({
    listeners: () => [{ address: '127.0.0.1', port: bound.port }],
    zones: () => [ZONE],
    sampleTunnel: () => undefined,
    cacheMs: 0,
    timeoutMs: 200,
  })
  const reasons = await reasonsOf(check)
  assert.equal(reasons.length, 2)
  for (const socket of open) socket.destroy()
  mute.close()
})

test('a port where nothing listens is a reason', async () => {
  const listeners = await listen(LOOPBACK, () => 0)
  await listeners.close()
  const reasons = await reasonsOf(selfCheck(listeners, { timeoutMs: 300 }))
  assert.ok(
    reasons.some(reason => /^tcp 127\.0\.0\.1:\d+: SOA freenet6\.net: .*ECONNREFUSED/.test(reason)),
    reasons.join(),
  )
})

test('no listener at all is a reason', async () => {
  const listeners = await listen([], () => 0)
  assert.deepEqual(await reasonsOf(selfCheck(listeners)), ['the nameserver listens on no address'])
})

test('calls at the same time share one run', async () => {
  let queries = 0
  await withListeners(
    respondWith(recordsFor(SAMPLE), () => queries++),
    async listeners => {
      const check = selfCheck(listeners)
      await Promise.all(Array.from({ length: 10 }, () => check.check()))
      assert.equal(queries, 8 * LOOPBACK.length)
    },
  )
})

test('a result serves until it is too old', async () => {
  let queries = 0
  await withListeners(
    respondWith(recordsFor(SAMPLE), () => queries++),
    async listeners => {
      const check = selfCheck(listeners, { cacheMs: 200 })
      await check.check()
      await check.check()
      assert.equal(queries, 8 * LOOPBACK.length)
      await sleep(250)
      await check.check()
      assert.equal(queries, 16 * LOOPBACK.length)
    },
  )
})

test('a row that can not be read is a reason, not an exception', () =>
  withListeners(respondWith(recordsFor(SAMPLE)), async listeners => {
    const sampleTunnel = () => {
      throw new Error('the database is gone')
    }
    assert.deepEqual(await reasonsOf(selfCheck(listeners, { sampleTunnel })), ['the database is gone'])
  }))
