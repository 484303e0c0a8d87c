import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordType } from 'dns-packet'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { reverseName } from '../../src/address/reverse-name.ts'
import { type Answer, ask } from '../ask.ts'
import { addAddress, enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'
import { Relay } from './relay.ts'
import { RESOLVERS, Resolver } from './resolver.ts'

/**
 * Resolvers as the world runs them, in a network of our own, from the root down:
 *
 *     resolver ──▶ 192.0.2.1    a second server of ours: the root, net, arpa, ip6.arpa
 *              └─▶ 192.0.2.53   a relay that notes the questions ──▶ our server: freenet6.net, its reverse zone
 *
 * The prefix is one of RFC 9637: resolvers answer the reverse names of 2001:db8::/32 by themselves (RFC 6303 4.6).
 */
const ROOT = { name: 'a.nic.net.', address: '192.0.2.1' }
const OURS = '192.0.2.53'
const FIRST_RESOLVER = 100
/** Not the resolver's own address, which is what the system would choose: its ports are for its questions. */
const STUB = '127.0.0.1'
const DNS_PORT = 53
const PREFIX = '3fff:f6::/48'
const REVERSE_APEX = '0.0.0.0.6.f.0.0.f.f.f.3.ip6.arpa'
const NIBBLES_OF_A_TUNNEL = 20
const TTL_S = 1

const SOA = `@ SOA ${ROOT.name} hostmaster.nic.net. 1 3600 900 604800 ${TTL_S}\n@ NS ${ROOT.name}\n`
const PARENT_ZONES: Readonly<Record<string, string>> = {
  root: `$ORIGIN .\n$TTL 3600\n${SOA}net NS ${ROOT.name}\narpa NS ${ROOT.name}\na.nic.net A ${ROOT.address}\n`,
  net: `$TTL 3600\n${SOA}a.nic A ${ROOT.address}\nfreenet6 NS ns1.freenet6\nns1.freenet6 A ${OURS}\n`,
  arpa: `$TTL 3600\n${SOA}ip6 NS ${ROOT.name}\n`,
  'ip6.arpa': `$TTL 3600\n${SOA}${REVERSE_APEX.replace('.ip6.arpa', '')} NS ns1.freenet6.net.\n`,
}
const OUR_ZONE = `$TTL 3600
@     SOA ns1 hostmaster 1 3600 900 604800 ${TTL_S}
@     NS  ns1
ns1   A   ${OURS}
www   A   192.0.2.80
a.b.c TXT "three labels down"
`
const CONFIG = `
[dns]
ttl = ${TTL_S}
[web]
registrations_per_hour = 0
[tunnel]
prefix = "${PREFIX}"
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const PARENT_CONFIG = `
origin = "broker.nic.net"
[dns]
listen = ["${ROOT.address}:${DNS_PORT}"]
`

const COUNTRIES = ['br', 'ca', 'de', 'fr', 'jp']
const TUNNELS = 200
/** Not asked for before names beside them were found not to exist. */
const LATE_TUNNELS = 10
const AT_ONCE = 16
/** How long a resolver may take for an answer, or to notice a change, on a busy machine. */
const PATIENCE_MS = 60_000

interface Tunnel {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly ipv6_client: string
}

const missing = (await missingPackages(['unbound', 'kresd', 'named'])) ?? (await enterOwnNetwork())

suite('resolvers that minimise qnames', { skip: missing ?? false, timeout: 300_000 }, () => {
  let dir: string
  let parent: Server
  let server: Server
  let relay: Relay
  let tunnels: readonly Tunnel[]
  let lateTunnels: readonly Tunnel[]

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-resolvers-'))
    for (const address of [ROOT.address, OURS]) addAddress(address)
    parent = await startServer({ dir: zonesIn('parent', PARENT_ZONES), config: PARENT_CONFIG })
    server = await startServer({ dir: zonesIn('ours', { 'freenet6.net': OUR_ZONE }), config: CONFIG })
    relay = await Relay.listen({ address: OURS, port: DNS_PORT }, server.endpoint(4))
    const all = await inTurn(TUNNELS + LATE_TUNNELS, i => register(`h${i}`, COUNTRIES[i % 5] ?? ''))
    tunnels = all.slice(0, TUNNELS)
    lateTunnels = all.slice(TUNNELS)
  })

  after(async () => {
    relay?.close()
    await server?.[Symbol.asyncDispose]()
    await parent?.[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const [index, kind] of RESOLVERS.entries()) {
    suite(kind.name, () => {
      const address = `192.0.2.${FIRST_RESOLVER + index}`
      let resolver: Resolver

      before(async () => {
        addAddress(address)
        resolver = await Resolver.start(kind, { directory: join(dir, kind.command), address, root: ROOT })
      })
      after(() => resolver?.stop())

      const resolve = (name: string, type: RecordType): Promise<Answer> =>
        ask(resolver.endpoint, name, type, {
          recursive: true,
          from: STUB,
          timeout: PATIENCE_MS,
          ednsSize: 1232,
        })

      test(`${TUNNELS} tunnels resolve, name to address and back`, async () => {
        await inTurn(TUNNELS, i => resolvesBothWays(tunnels[i]))
      })

      test('it asked for less than the whole name first: there was minimisation', () => {
        const names = relay.heard.filter(({ from }) => from === address).map(({ name }) => name.toLowerCase())
        // Not of each: after an answer that is late a resolver asks for the whole name.
        const asked = COUNTRIES.filter(code => {
          const country = `${code}.freenet6.net`
          return names.find(name => name === country || name.endsWith(`.${country}`)) === country
        })
        assert.ok(asked.length > 0, names.slice(0, 20).join(' '))
        const isShort = (name: string) =>
          name.length < REVERSE_APEX.length + NIBBLES_OF_A_TUNNEL * '0.'.length
        const reverse = names.filter(name => name.endsWith(`.${REVERSE_APEX}`))
        assert.ok(reverse.length > 0)
        if (kind.minimisesDeep) assert.ok(reverse.some(isShort)) // others stop on the way down, here or there
      })

      test(`its letters were ${kind.randomCase ? 'of mixed case' : 'as it was given them'} (0x20)`, () => {
        const isMixed = relay.heard.some(({ from, name }) => from === address && /[A-Z]/.test(name))
        assert.equal(isMixed, kind.randomCase)
      })

      test('static names resolve, and one that is not there does not exist', async () => {
        assert.equal(await outcome('www.freenet6.net', 'A'), '192.0.2.80')
        assert.equal(await outcome('a.b.c.freenet6.net', 'TXT'), 'three labels down')
        for (const name of [
          'nobody.freenet6.net',
          'h0.zz.freenet6.net',
          'nobody.ca.freenet6.net',
          'x.www.freenet6.net',
        ])
          assert.equal(await outcome(name, 'AAAA'), 'NXDOMAIN', name)
      })

      test('a country, and a name between static records, has no data', async () => {
        for (const name of [
          ...COUNTRIES.map(code => `${code}.freenet6.net`),
          'b.c.freenet6.net',
          'c.freenet6.net',
        ])
          assert.equal(await outcome(name, 'AAAA'), 'NODATA', name)
        assert.equal(await outcome(tunnels[0]?.name ?? '', 'A'), 'NODATA')
      })

      test('each nibble above a PTR has no data, and one beside it does not exist', async () => {
        const names = [...tunnels, ...lateTunnels].map(reverseOf)
        const nibbles = reverseOf(tunnels[0]).split('.')
        for (let cut = 1; cut < nibbles.length - REVERSE_APEX.split('.').length; cut++) {
          assert.equal(await outcome(nibbles.slice(cut).join('.'), 'PTR'), 'NODATA')
          const siblings = [...'fedcba9876543210'].map(digit => [digit, ...nibbles.slice(cut + 1)].join('.'))
          const beside = siblings.find(sibling => !names.some(name => name.endsWith(sibling)))
          if (beside !== undefined) assert.equal(await outcome(beside, 'PTR'), 'NXDOMAIN', beside)
        }
      })

      test('names beside a tunnel that do not exist do not hide it (RFC 8020)', async () => {
        for (const tunnel of lateTunnels) {
          const [label, ...above] = tunnel.name.split('.')
          const [nibble, ...prefix] = reverseOf(tunnel).split('.')
          assert.equal(await outcome(`x${label}.${above.join('.')}`, 'AAAA'), 'NXDOMAIN')
          assert.equal(await outcome(`x.${tunnel.name}`, 'AAAA'), 'NXDOMAIN')
          assert.equal(await outcome(`${nibble === '3' ? '4' : '3'}.${prefix.join('.')}`, 'PTR'), 'NXDOMAIN')
          await resolvesBothWays(tunnel)
        }
      })

      test('a removed tunnel is gone after the TTL, its country stays, and it is back when registered again', async () => {
        const country = ['ie', 'is', 'it'][index] ?? ''
        const first = await register('alone', country)
        await resolvesBothWays(first)
        assert.equal(await outcome(`${country}.freenet6.net`, 'AAAA'), 'NODATA')

        await remove(first)
        await eventually(first.name, 'AAAA', 'NXDOMAIN')
        await eventually(reverseOf(first), 'PTR', 'NXDOMAIN')
        assert.equal(await outcome(`${country}.freenet6.net`, 'AAAA'), 'NODATA')
        assert.equal(await outcome('zz.freenet6.net', 'AAAA'), 'NXDOMAIN', 'no country')

        const second = await register('alone', country)
        await eventually(second.name, 'AAAA', second.ipv6_client)
        await eventually(reverseOf(second), 'PTR', second.name)
        await eventually(`${country}.freenet6.net`, 'AAAA', 'NODATA')
        await remove(second)
      })

      async function resolvesBothWays(tunnel: Tunnel | undefined): Promise<void> {
        assert.ok(tunnel)
        assert.equal(await outcome(tunnel.name, 'AAAA'), tunnel.ipv6_client)
        assert.equal(await outcome(reverseOf(tunnel), 'PTR'), tunnel.name)
      }

      /** The data, else NODATA or the rcode. */
      async function outcome(name: string, type: RecordType): Promise<string> {
        const answer = await resolve(name, type)
        if (answer.rcode !== 'NOERROR') return answer.rcode
        return dataOf(answer).join(' ') || 'NODATA'
      }

      async function eventually(name: string, type: RecordType, wanted: string): Promise<void> {
        const deadline = Date.now() + PATIENCE_MS
        let found = await outcome(name, type)
        for (; found !== wanted && Date.now() < deadline; found = await outcome(name, type)) await sleep(100)
        assert.equal(found, wanted, `${name} ${type}`)
      }
    })
  }

  function zonesIn(name: string, zones: Readonly<Record<string, string>>): string {
    mkdirSync(join(dir, name, 'zones'), { recursive: true })
    for (const [origin, text] of Object.entries(zones))
      writeFileSync(join(dir, name, 'zones', `${origin}.zone`), text)
    return join(dir, name)
  }

  /** Registers through the API, and returns when the name is published. */
  async function register(nicname: string, country: string): Promise<Tunnel> {
    const response = await fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ipv4: nextEndpoint(), nicname, country, os: 'linux' }),
    })
    assert.equal(response.status, 201, await response.clone().text())
    const tunnel = (await response.json()) as Tunnel
    const deadline = Date.now() + PATIENCE_MS
    while (
      (await ask(server.endpoint(4), tunnel.name, 'AAAA', { timeout: PATIENCE_MS })).rcode !== 'NOERROR'
    ) {
      assert.ok(Date.now() < deadline, `${tunnel.name} is not published`)
      await sleep(20)
    }
    return tunnel
  }

  async function remove({ id, key }: Tunnel): Promise<void> {
    const response = await fetch(`${server.web}/api/v1/tunnels/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${key}` },
    })
    assert.equal(response.status, 204)
  }
})

let endpoints = 0

function nextEndpoint(): string {
  endpoints++
  return `10.0.${endpoints >> 8}.${endpoints & 255}`
}

/** Does something so many times, a few at once; the results are in order. */
async function inTurn<T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const work = async () => {
    for (let i = next++; i < count; i = next++) results[i] = await action(i)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}

function reverseOf(tunnel: Tunnel | undefined): string {
  const address = parseIpv6(tunnel?.ipv6_client ?? '')
  assert.ok(address)
  return reverseName(address)
}

function dataOf({ reply }: Answer): string[] {
  return (reply.answers ?? []).map(answer => ('data' in answer ? String(answer.data) : ''))
}
