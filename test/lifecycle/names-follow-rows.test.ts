import assert from 'node:assert/strict'
import { test } from 'node:test'
import packet from 'dns-packet'
import fc from 'fast-check'
import { formatIpv6, parseIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { reverseName } from '../../src/address/reverse-name.ts'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { AddressPool } from '../../src/tunnel/address-pool.ts'
import { ORIGIN, registerOne, World } from './world.ts'

const COUNTRIES = ['ca', 'fr'] as const
const POOL = new AddressPool({
  prefix: parsePrefix('2001:db8:f6::/48') ?? assert.fail(),
  devicePrefix: 'fn6-',
})
const HOSTS = 6
const THRESHOLD = 2

type Step =
  | { readonly kind: 'register' | 'miss' | 'recover' | 'remove' | 'move' | 'wake'; readonly host: number }
  | { readonly kind: 'activate' | 'crash' | 'restart' }
  | { readonly kind: 'wait'; readonly seconds: number }

/** What a reader of the draft expects of a tunnel, kept apart from the program. */
interface Expected {
  readonly id: string
  readonly name: string
  readonly address: string
  unreachable: number
  isHeard: boolean
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('register' as const), host: fc.nat(HOSTS - 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('activate' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('miss' as const, 'recover' as const),
      host: fc.nat(HOSTS - 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('remove' as const, 'move' as const, 'wake' as const),
      host: fc.nat(HOSTS - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('crash' as const, 'restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(200) }) },
)

class Story {
  world: World
  readonly expected = new Map<number, Expected>()
  readonly dormant = new Map<number, Expected>()

  constructor(world: World) {
    this.world = world
  }

  async take(step: Step): Promise<void> {
    const { lifecycle } = this.world
    const host = 'host' in step ? this.expected.get(step.host) : undefined
    switch (step.kind) {
      case 'register':
        return this.register(step.host)
      case 'activate':
        await lifecycle.bringUpNew()
        return
      case 'miss':
        if (host === undefined) return
        await lifecycle.recordRound({ answered: [], silent: [host.id] })
        if (host.isHeard && ++host.unreachable > THRESHOLD) this.asleep(step.host, host)
        return
      case 'recover':
        if (host === undefined) return
        await lifecycle.recordRound({ answered: [host.id], silent: [] })
        host.isHeard = true
        host.unreachable = 0
        return
      case 'remove':
        if (host === undefined) return
        assert.equal((await lifecycle.delete(host.id)).kind, 'deleted')
        this.expected.delete(step.host)
        return
      case 'wake':
        return this.wake(step.host)
      case 'move':
        if (host === undefined) return
        if ((await lifecycle.changeEndpoint(host.id, `198.18.1.${step.host}`)).kind === 'changed')
          host.unreachable = 0
        return
      case 'crash':
        this.world = await this.world.crash()
        return
      case 'restart':
        this.world = await this.world.restart()
        return
      case 'wait':
        this.world.now += step.seconds
    }
  }

  async register(host: number): Promise<void> {
    const country = COUNTRIES[host % 2] ?? 'ca'
    const outcome = await registerOne(this.world.lifecycle, {
      ipv4: `198.18.0.${host}`,
      nicname: `h${host}`,
      country,
      os: 'linux',
    })
    assert.equal(outcome.kind === 'registered', !this.expected.has(host) && !this.dormant.has(host))
    if (outcome.kind !== 'registered') return
    const { id, ipv6Client } = outcome.tunnel
    this.expected.set(host, {
      id,
      name: `h${host}.${country}.${ORIGIN}`,
      address: formatIpv6(ipv6Client),
      unreachable: 0,
      isHeard: false,
    })
  }

  asleep(host: number, tunnel: Expected): void {
    this.expected.delete(host)
    this.dormant.set(host, tunnel)
  }

  async wake(host: number): Promise<void> {
    const tunnel = this.dormant.get(host)
    if (tunnel === undefined) return
    assert.equal((await this.world.lifecycle.wake(tunnel.id)).kind, 'woken')
    this.dormant.delete(host)
    this.expected.set(host, { ...tunnel, unreachable: 0, isHeard: false })
  }

  /** Every name that could be answered, and its neighbours, against what the rows say. */
  checkNames(): void {
    const nameserver = new Nameserver({ catalog: this.world.catalog, nsid: '', version: '', hostname: '' })
    const published = [...this.expected.values()].filter(tunnel => tunnel.unreachable >= 0)
    const names = new Map(published.map(tunnel => [tunnel.name, tunnel.address]))
    const reverse = new Map(
      published.map(tunnel => [reverseName(parseIpv6(tunnel.address) ?? assert.fail()), tunnel.name]),
    )
    for (let host = 0; host < HOSTS; host++) {
      const name = `h${host}.${COUNTRIES[host % 2]}.${ORIGIN}`
      this.#expect(nameserver, name, 'AAAA', names)
      this.#expect(nameserver, `below.${name}`, 'AAAA', names)
      this.#expect(nameserver, name.replace('.', 'x.'), 'AAAA', names)
      const owner = reverseName(POOL.assignment(host).ipv6Client)
      for (let from = owner; from !== this.world.zone.reverseApex; from = from.slice(from.indexOf('.') + 1)) {
        this.#expect(nameserver, from, 'PTR', reverse)
        this.#expect(nameserver, `f${from.slice(1)}`, 'PTR', reverse)
      }
    }
    for (const country of COUNTRIES) this.#expect(nameserver, `${country}.${ORIGIN}`, 'AAAA', names)
  }

  #expect(
    nameserver: Nameserver,
    name: string,
    type: 'AAAA' | 'PTR',
    records: ReadonlyMap<string, string>,
  ): void {
    const reply = ask(nameserver, name, type)
    const wanted = records.get(name)
    const isCountry = COUNTRIES.some(country => name === `${country}.${ORIGIN}`)
    const isEmptyNonTerminal = isCountry || [...records.keys()].some(other => other.endsWith(`.${name}`))
    assert.equal(
      reply.rcode,
      wanted !== undefined || isEmptyNonTerminal ? 'NOERROR' : 'NXDOMAIN',
      `${name} ${type}`,
    )
    assert.deepEqual(reply.answers, wanted === undefined ? [] : [wanted], `${name} ${type}`)
  }
}

function ask(nameserver: Nameserver, name: string, type: 'AAAA' | 'PTR') {
  const query = packet.encode({ type: 'query', id: 1, questions: [{ name, type }] })
  const reply = Buffer.alloc(65_535)
  const length = nameserver.respond(query, query.length, reply, new Client('tcp'))
  const decoded = packet.decode(reply.subarray(0, length)) as packet.DecodedPacket & { rcode: string }
  const answers = (decoded.answers ?? []).map(answer => ('data' in answer ? String(answer.data) : ''))
  return { rcode: decoded.rcode, answers }
}

test('after any sequence of events, names are answered exactly while unreachable >= 0', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
      const story = new Story(await World.open())
      try {
        for (const each of steps) {
          await story.take(each)
          story.checkNames()
        }
      } finally {
        story.world.end()
      }
    }),
    { numRuns: 40 },
  )
})
