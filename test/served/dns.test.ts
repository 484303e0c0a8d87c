import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, type TestContext, test } from 'node:test'
import type { RecordType } from 'dns-packet'
import { type Endpoint, formatEndpoint } from '../../src/shared/endpoint.ts'
import { ask, configText, hasIpv6Loopback, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const ZONE = `$ORIGIN freenet6.net.
$TTL 3600
@        IN SOA ns1 hostmaster 1 3600 900 604800 60
@           NS  ns1
@           NS  ns2
ns1         A   192.0.2.53
ns1         AAAA 2001:db8::53
ns2         A   192.0.2.54
www         A   192.0.2.80
alias       CNAME www
a.b.c       TXT "three labels down"
child       NS  ns.child
ns.child    A   192.0.2.99
${Array.from({ length: 40 }, (_, i) => `big TXT "${i} ${'x'.repeat(60)}"`).join('\n')}
`
const CONFIG = `
[dns]
ttl = 77
[web]
registrations_per_hour = 0
[tunnel]
prefix = "2001:db8:f6::/48"
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const REVERSE_APEX = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const FAMILIES = hasIpv6Loopback() ? ([4, 6] as const) : ([4] as const)
const TRANSPORTS = ['udp', 'tcp'] as const

let dir: string
let server: Server
let tunnel: { name: string; ipv6_client: string }

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-dns-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), ZONE)
  server = await startServer({ dir, config: CONFIG })
  tunnel = await register('alice', '203.0.113.7')
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/** Registers through the API and waits until the name is published. */
async function register(nicname: string, ipv4: string): Promise<{ name: string; ipv6_client: string }> {
  const response = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4, nicname, country: 'ca', os: 'linux' }),
  })
  assert.equal(response.status, 201, await response.clone().text())
  const created = (await response.json()) as { name: string; ipv6_client: string }
  const isPublished = async () => (await ask(server.endpoint(), created.name, 'AAAA')).rcode === 'NOERROR'
  await until(isPublished, `${created.name} is not published`)
  return created
}

suite('answers', () => {
  for (const family of FAMILIES) {
    for (const transport of TRANSPORTS) {
      const tcp = transport === 'tcp'
      const where = `over ${transport.toUpperCase()} and IPv${family}`

      test(`the SOA of both zones, authoritative, ${where}`, async () => {
        for (const apex of ['freenet6.net', REVERSE_APEX]) {
          const { reply, rcode } = await ask(server.endpoint(family), apex, 'SOA', { tcp })
          assert.equal(rcode, 'NOERROR')
          assert.equal(reply.flag_aa, true)
          assert.equal(reply.answers?.[0]?.type, 'SOA')
        }
      })

      test(`AAAA and PTR of a tunnel agree, ${where}`, async () => {
        const forward = await ask(server.endpoint(family), tunnel.name, 'AAAA', { tcp })
        assert.deepEqual(dataOf(forward), [tunnel.ipv6_client])
        assert.equal(forward.reply.answers?.[0]?.type === 'AAAA' && forward.reply.answers[0].ttl, 77)
        const reverse = await ask(server.endpoint(family), reverseOf(tunnel.ipv6_client), 'PTR', { tcp })
        assert.deepEqual(dataOf(reverse), [tunnel.name])
      })
    }
  }

  test('NS of the apex', async () => {
    const answer = await ask(server.endpoint(), 'freenet6.net', 'NS')
    assert.deepEqual(dataOf(answer).sort(), ['ns1.freenet6.net', 'ns2.freenet6.net'])
  })

  test('a name that does not exist is NXDOMAIN with the SOA, its TTL the MINIMUM (RFC 2308 3)', async () => {
    const { reply, rcode } = await ask(server.endpoint(), 'nobody.freenet6.net', 'A')
    assert.equal(rcode, 'NXDOMAIN')
    const [soa] = reply.authorities ?? []
    assert.ok(soa?.type === 'SOA')
    assert.equal(soa.ttl, 60)
  })

  test('a name between a record and the apex is NODATA (RFC 8020)', async () => {
    for (const name of ['c.freenet6.net', 'b.c.freenet6.net', 'ca.freenet6.net']) {
      const { reply, rcode } = await ask(server.endpoint(), name, 'A')
      assert.equal(rcode, 'NOERROR', name)
      assert.equal(reply.answers?.length, 0)
      assert.equal(reply.authorities?.[0]?.type, 'SOA')
    }
  })

  test('every nibble above a PTR is NODATA, one nibble beside it NXDOMAIN', async () => {
    const nibbles = reverseOf(tunnel.ipv6_client).split('.')
    const depth = nibbles.length - REVERSE_APEX.split('.').length
    for (let cut = 1; cut < depth; cut++) {
      const name = nibbles.slice(cut).join('.')
      assert.equal((await ask(server.endpoint(), name, 'PTR')).rcode, 'NOERROR', name)
      const beside = ['e', ...nibbles.slice(cut + 1)].join('.')
      assert.equal((await ask(server.endpoint(), beside, 'PTR')).rcode, 'NXDOMAIN', beside)
    }
  })

  test('33 nibbles and labels that are no nibble are NXDOMAIN', async () => {
    const name = reverseOf(tunnel.ipv6_client)
    for (const odd of [`0.${name}`, `zz.${REVERSE_APEX}`, `10.${REVERSE_APEX}`]) {
      assert.equal((await ask(server.endpoint(), odd, 'PTR')).rcode, 'NXDOMAIN', odd)
    }
  })

  test('a name outside our zones is REFUSED, without a referral', async () => {
    for (const name of ['example.com', 'net', '.', 'notfreenet6.net', '0.8.b.d.0.1.0.0.2.ip6.arpa']) {
      const { reply, rcode } = await ask(server.endpoint(), name, 'A')
      assert.equal(rcode, 'REFUSED', name)
      assert.equal(reply.authorities?.length, 0)
    }
  })

  test('a delegated name is a referral with glue, not authoritative', async () => {
    const { reply, rcode } = await ask(server.endpoint(), 'host.child.freenet6.net', 'A')
    assert.equal(rcode, 'NOERROR')
    assert.equal(reply.flag_aa, false)
    assert.equal(reply.authorities?.[0]?.type, 'NS')
    assert.equal(reply.additionals?.[0]?.name, 'ns.child.freenet6.net')
  })

  test('a CNAME is followed within the zone', async () => {
    const { reply } = await ask(server.endpoint(), 'alias.freenet6.net', 'A')
    assert.deepEqual(
      reply.answers?.map(answer => answer.type),
      ['CNAME', 'A'],
    )
  })

  test('ANY gets one rrset (RFC 8482 4.1)', async () => {
    const { reply } = await ask(server.endpoint(), 'freenet6.net', 'ANY' as RecordType, { ednsSize: 1232 })
    assert.equal(new Set(reply.answers?.map(answer => answer.type)).size, 1)
  })

  test('the question comes back in the case it was asked (0x20)', async () => {
    const { reply } = await ask(server.endpoint(), 'WwW.fReEnEt6.NeT', 'A')
    assert.equal(reply.questions?.[0]?.name, 'WwW.fReEnEt6.NeT')
    assert.equal(reply.answers?.length, 1)
  })

  test('a reply too large for the client is truncated, and whole over TCP', async () => {
    for (const ednsSize of [undefined, 512, 1232, 4096, 65_535]) {
      const { reply, raw } = await ask(
        server.endpoint(),
        'big.freenet6.net',
        'TXT',
        ednsSize ? { ednsSize } : {},
      )
      assert.equal(reply.flag_tc, true)
      assert.ok(raw.length <= Math.min(ednsSize ?? 512, 1232), `${raw.length} octets to ${ednsSize}`)
    }
    const whole = await ask(server.endpoint(), 'big.freenet6.net', 'TXT', { tcp: true })
    assert.equal(whole.reply.answers?.length, 40)
  })

  test('no EDNS in, no EDNS out', async () => {
    const plain = await ask(server.endpoint(), 'www.freenet6.net', 'A')
    assert.equal(
      plain.reply.additionals?.some(record => record.type === 'OPT'),
      false,
    )
    const extended = await ask(server.endpoint(), 'www.freenet6.net', 'A', { ednsSize: 4096 })
    assert.equal(
      extended.reply.additionals?.some(record => record.type === 'OPT'),
      true,
    )
  })
})

suite('the health of the process', () => {
  test('/healthz is well while both zones and a tunnel answer', async () => {
    const response = await fetch(`${server.web}/healthz`)
    assert.equal(response.status, 200, await response.text())
  })
})

suite('the process', () => {
  test('SIGTERM ends it with 0 within five seconds, though clients hold connections', async () => {
    await using mortal = await startServer()
    const { address, port } = mortal.endpoint()
    const client = connect({ host: address, port })
    client.on('error', () => {})
    await once(client, 'connect')
    assert.equal(await mortal.stop(), 0)
    client.destroy()
  })

  for (const transport of TRANSPORTS) {
    test(`a port taken for ${transport.toUpperCase()} ends it with 1 and names the address`, async t => {
      const holder = await hold(t, transport)
      const place = inEmptyDirectory(t, `[dns]\nlisten = ["127.0.0.1:${holder.port}"]`)
      const ending = await runCli(['serve', '--config', place.file], { dir: place.dir })
      assert.equal(ending.code, 1, ending.stderr)
      assert.ok(`${ending.stderr}${ending.stdout}`.includes(formatEndpoint(holder)), ending.stderr)
      assert.doesNotMatch(ending.stderr, /\n\s+at /) // words, not a stack
    })
  }

  test('a wrong configuration ends it with 2, one line a mistake', async t => {
    const place = inEmptyDirectory(t, '[dns]\nttl = -1\nlisten = ["nowhere"]')
    const ending = await runCli(['serve', '--config', place.file], { dir: place.dir })
    assert.equal(ending.code, 2)
    assert.match(ending.stderr, /^.*dns\.ttl = -1: .*$/m)
    assert.match(ending.stderr, /^.*dns\.listen.*"nowhere": .*$/m)
  })
})

function inEmptyDirectory(t: TestContext, config: string): { dir: string; file: string } {
  const place = mkdtempSync(join(tmpdir(), 'freenet6-'))
  t.after(() => rmSync(place, { recursive: true, force: true }))
  const file = join(place, 'freenet6.toml')
  writeFileSync(file, configText(config))
  return { dir: place, file }
}

/** Takes a free port of loopback until the test ends. */
async function hold(t: TestContext, transport: 'udp' | 'tcp'): Promise<Endpoint> {
  const holder =
    transport === 'udp' ? createSocket('udp4').bind(0, '127.0.0.1') : createServer().listen(0, '127.0.0.1')
  t.after(() => void holder.close())
  await once(holder, 'listening')
  const bound = holder.address()
  assert.ok(bound !== null && typeof bound === 'object')
  return { address: bound.address, port: bound.port }
}

function dataOf({ reply }: Awaited<ReturnType<typeof ask>>): string[] {
  return (reply.answers ?? []).map(answer => ('data' in answer ? String(answer.data) : ''))
}

/** The PTR name of an IPv6 address whose interface part is ::n: the test writes it out by its own means. */
function reverseOf(address: string): string {
  const [head = '', tail = ''] = address.split('::')
  const [left, right] = [head, tail].map(half => half.split(':').filter(group => group !== ''))
  const groups = [
    ...(left ?? []),
    ...Array(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill('0'),
    ...(right ?? []),
  ]
  const nibbles = groups.map(group => String(group).padStart(4, '0')).join('')
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`
}
