import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { visitorOf } from '../../src/portal/visitor.ts'
import { Customers } from '../../src/registration/customers.ts'
import { visitorKind } from '../../src/registration/visitor.ts'
import { bearer, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const PROXIES = ['127.0.0.1', '10.0.0.0/8', '2001:db8:b::/48'].map(
  text => parsePrefix(text) ?? assert.fail(text),
)

function visitor(peer: string | undefined, forwardedFor?: string, proxies = PROXIES) {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  return visitorOf({ socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage, proxies)
}

suite('the visitor’s address', () => {
  const CASES: readonly (readonly [
    what: string,
    peer: string,
    header: string | undefined,
    address: string,
    source: string,
  ])[] = [
    ['the peer', '198.51.100.7', undefined, '198.51.100.7', 'connection'],
    [
      'the peer, whatever a header says that no proxy wrote',
      '198.51.100.7',
      '203.0.113.9',
      '198.51.100.7',
      'connection',
    ],
    [
      'an IPv4-mapped peer as the IPv4 address it is',
      '::ffff:198.51.100.7',
      undefined,
      '198.51.100.7',
      'connection',
    ],
    ['an IPv6 peer in its canonical form', '2001:DB8:0:0::7', undefined, '2001:db8::7', 'connection'],
    ['a peer with a zone', 'fe80::1%eth0', undefined, 'fe80::1', 'connection'],
    ['what a trusted proxy says', '10.1.2.3', '198.51.100.7', '198.51.100.7', 'proxy'],
    ['what a mapped trusted proxy says', '::ffff:10.1.2.3', '198.51.100.7', '198.51.100.7', 'proxy'],
    ['what a trusted IPv6 proxy says', '2001:db8:b::1', '2001:db8:c::7', '2001:db8:c::7', 'proxy'],
    ['a mapped address in the header', '10.1.2.3', '::ffff:198.51.100.7', '198.51.100.7', 'proxy'],
    [
      'the last address that is no proxy’s',
      '127.0.0.1',
      '198.51.100.7, 10.0.0.1, 10.0.0.2',
      '198.51.100.7',
      'proxy',
    ],
    [
      'never what stands left of that',
      '127.0.0.1',
      '192.0.2.66, 198.51.100.7, 10.0.0.1',
      '198.51.100.7',
      'proxy',
    ],
    [
      'the same with junk left of it',
      '127.0.0.1',
      '<script>,, 198.51.100.7 ,10.0.0.1',
      '198.51.100.7',
      'proxy',
    ],
    [
      'the proxy itself where junk is next to it',
      '127.0.0.1',
      '198.51.100.7, unknown',
      '127.0.0.1',
      'connection',
    ],
    ['what a proxy says that adds the port', '127.0.0.1', '198.51.100.7:443', '198.51.100.7', 'proxy'],
    ['an IPv6 address with its port', '127.0.0.1', '[2001:db8:c::7]:50000', '2001:db8:c::7', 'proxy'],
    ['an IPv6 address in brackets', '127.0.0.1', '[2001:db8:c::7]', '2001:db8:c::7', 'proxy'],
    ['the hop before a proxy with a port', '127.0.0.1', '198.51.100.7, 10.0.0.2:80', '198.51.100.7', 'proxy'],
    ['the proxy itself where the port is none', '127.0.0.1', '198.51.100.7:x', '127.0.0.1', 'connection'],
    [
      'the proxy itself where leading zeros could mean two addresses',
      '127.0.0.1',
      '010.1.1.1',
      '127.0.0.1',
      'connection',
    ],
    [
      'the proxy itself where all hops are proxies',
      '127.0.0.1',
      '10.0.0.2, 10.0.0.1',
      '127.0.0.1',
      'connection',
    ],
    ['the proxy itself where the header is empty', '127.0.0.1', ' , ,', '127.0.0.1', 'connection'],
    ['the proxy itself where there is no header', '127.0.0.1', undefined, '127.0.0.1', 'connection'],
  ]
  for (const [what, peer, header, address, source] of CASES) {
    test(`is ${what}`, () => {
      const found = visitor(peer, header)
      assert.deepEqual([found.address, found.source], [address, source])
      assert.equal(found.family, address.includes(':') ? 6 : 4)
    })
  }

  test('is nothing where the connection is gone already', () => {
    assert.deepEqual(visitor(undefined, '198.51.100.7'), { address: '', family: 4, source: 'connection' })
  })

  test('is an address for any header, and the peer’s for any header from a stranger', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), header => {
        assert.notEqual(visitor('10.0.0.1', header).address, '')
        assert.equal(visitor('198.51.100.7', header).address, '198.51.100.7')
      }),
    )
  })
})

suite('limits count', () => {
  const block = (text: string, length: number) => ({ prefix: parsePrefix(text) ?? assert.fail(text), length })
  const customers = new Customers([block('2001:db8:a000::/36', 64), block('2001:db8:b000::/40', 60)])
  const isOne = (...[one, other]: [string, string]) =>
    customers.keyOf(visitor(one)) === customers.keyOf(visitor(other))

  test('an IPv4 host, and an IPv6 customer’s /56', () => {
    assert.equal(isOne('198.51.100.7', '198.51.100.8'), false)
    assert.equal(isOne('2001:db8:1:2::1', '2001:db8:1:ff::9'), true)
    assert.equal(isOne('2001:db8:1:2::1', '2001:db8:1:102::1'), false)
  })

  test('each of our own tunnels, and each prefix that is routed to one', () => {
    assert.equal(isOne('2001:db8:a000:2::2', '2001:db8:a000:2::99'), true)
    assert.equal(isOne('2001:db8:a000:2::2', '2001:db8:a000:3::2'), false)
    assert.equal(isOne('2001:db8:b000:10::1', '2001:db8:b000:1f::9'), true)
    assert.equal(isOne('2001:db8:b000:10::1', '2001:db8:b000:20::1'), false)
  })
})

test('a private, a shared and a loopback address mean something for a tunnel, a public one does not', () => {
  assert.equal(visitorKind(visitor('192.168.1.2')), 'private')
  assert.equal(visitorKind(visitor('100.64.0.1')), 'shared')
  assert.equal(visitorKind(visitor('127.0.0.1')), 'loopback')
  assert.equal(visitorKind(visitor('8.8.8.8')), undefined)
  assert.equal(visitorKind(visitor('2001:db8::1')), undefined)
})

test('Forwarded (RFC 7239) is not read, from a trusted proxy either', () => {
  const headers = { forwarded: 'for=192.0.2.66' }
  const request = { socket: { remoteAddress: '127.0.0.1' }, headers } as unknown as IncomingMessage
  assert.equal(visitorOf(request, PROXIES).address, '127.0.0.1')
})

test('who sends wrong keys through one tunnel, or from the network behind it, locks out no neighbour’s owner', async () => {
  const trusting = '[web]\ntrusted_proxies = ["127.0.0.1"]'
  await using world = await PortalWorld.open(
    LAB.replace('[web]', trusting).replace(
      '[tunnel]',
      '[tunnel]\nrouted_prefix = "2001:db8:8000::/40"\nrouted_length = 60',
    ),
  )
  const ask = (id: string, key: string, from: string) =>
    world.ask(`/api/v1/tunnels/${id}`, { headers: { ...bearer(key), 'x-forwarded-for': from } })
  const stranger = await world.register({ nicname: 'stranger' })
  const { id, key } = await world.register({ nicname: 'owner', ipv4: '192.0.2.78' })
  const client = world.broker.table.byId(stranger.id)?.ipv6Client ?? assert.fail()
  const beside = world.broker.table.byId(id)?.ipv6Client ?? assert.fail()
  for (const [wrong, right] of [
    [formatIpv6(client), formatIpv6(beside)],
    ['2001:db8:8000:10::1', '2001:db8:8000:20::1'],
  ] as const) {
    for (let n = 0; n < 20; n++) await ask(stranger.id, 'wrong', wrong)
    assert.equal((await ask(stranger.id, stranger.key, wrong)).status, 429)
    assert.equal((await ask(id, key, right)).status, 200)
  }
})

/** Of somebody else's tunnel, and of a host that answers no ping. */
const TAKEN = '8.8.4.4'
const SILENT_HOST = '9.9.9.9'

suite('X-Forwarded-For at the door', () => {
  const STRICT = LAB.replace('foreign_endpoints = true', 'foreign_endpoints = false')
  const FORWARDED = { 'x-forwarded-for': '192.0.2.66, 198.51.100.7' }
  const ALICE = { ...GOOD, ipv4: '198.51.100.7' }

  test('is ignored from a peer that is no trusted proxy', async () => {
    await using world = await PortalWorld.open(STRICT)
    assert.match(
      (await world.ask('/', { headers: FORWARDED })).text,
      /<code>127\.0\.0\.1<\/code>, as your connection shows/,
    )
    const answer = await world.askJson('/api/v1/tunnels', 'POST', ALICE, FORWARDED)
    assert.deepEqual([problemIn(answer).status, problemIn(answer).code], [403, 'ipv4-not-yours'])
  })

  test('is believed from a trusted proxy: in the form, in the check, in the update protocol', async () => {
    await using world = await PortalWorld.open(
      STRICT.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.0/8", "::1"]'),
    )
    const form = await world.ask('/register/linux', { headers: FORWARDED })
    assert.match(form.text, /name="ipv4" value="198\.51\.100\.7"/)
    assert.match(form.text, /a proxy that we trust/)
    const answer = await world.askJson('/api/v1/tunnels', 'POST', ALICE, FORWARDED)
    assert.equal(answer.status, 201, answer.text)
    const { id, key } = JSON.parse(answer.text)
    const update = `/nic/update?hostname=${id}&username=${id}&password=${key}`
    const moved = await world.ask(update, { headers: { 'x-forwarded-for': '198.51.100.8' } })
    assert.equal(moved.text, 'good 198.51.100.8\n')
  })

  test('over IPv6 the form says that it can’t know the IPv4 address, and fills in none', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'))
    const headers = { 'x-forwarded-for': '2001:db8::77' }
    const form = await world.ask('/register/linux?kind=sit', { headers })
    assert.match(form.text, /name="ipv4" value=""/)
    assert.match(form.text, /You came here over IPv6 \(2001:db8::77\), so we can not see your IPv4 address/)
  })

  for (const [address, found] of [
    ['2001:db8::77', 'You came here over IPv6 (2001:db8::77)'],
    ['100.64.0.7', 'carrier-grade NAT'],
    ['192.168.1.7', 'That is a private address'],
  ] as const) {
    test(`to ${address} the form offers WireGuard and says why`, async () => {
      await using world = await PortalWorld.open(
        LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'),
      )
      const form = await world.ask('/register/linux', { headers: { 'x-forwarded-for': address } })
      assert.match(form.text, /name="kind" value="wireguard"/)
      assert.ok(form.text.includes(found))
      assert.match(form.text, /name="switch" value="sit"/)
    })
  }

  for (const [code, { ipv4, tunnel = 'foreign_endpoints = true' }] of Object.entries<{
    readonly ipv4: string
    readonly tunnel?: string
  }>({
    'ipv4-private': { ipv4: '192.168.1.7' },
    'ipv4-shared': { ipv4: '100.64.0.7' },
    'ipv4-special': { ipv4: '198.51.100.7' },
    'ipv4-own': { ipv4: '192.0.2.1', tunnel: 'allow_special_purpose = true\nforeign_endpoints = true' },
    'ipv4-not-yours': { ipv4: '8.8.8.8', tunnel: '' },
    'ipv4-in-use': { ipv4: TAKEN },
    'ipv4-unreachable': { ipv4: SILENT_HOST },
  })) {
    test(`who is refused with ${code} has WireGuard with one click, all that was typed kept`, async () => {
      await using world = await PortalWorld.open(`[tunnel]\nreachability = "require"\n${tunnel}`)
      world.silent.add(SILENT_HOST)
      const typed = { ipv4, nicname: 'second', country: 'ca', os: 'linux' }
      if (ipv4 === TAKEN) {
        const first = await world.post('/register', { ...typed, nicname: 'first' })
        assert.equal(first.status, 303, first.text)
      }
      const refused = await world.askJson('/api/v1/tunnels', 'POST', typed)
      assert.equal(problemIn(refused).code, code)
      assert.match(
        (await world.post('/register', typed)).text,
        /form="register" name="switch" value="wireguard">Take WireGuard: it works behind/,
      )
      const switched = await world.post('/register', { ...typed, switch: 'wireguard' })
      assert.match(switched.text, /name="kind" value="wireguard"/)
      assert.match(switched.text, /name="nicname" value="second"/)
      assert.match(switched.text, /value="ca" selected/)
    })
  }

  for (const [address, code] of [
    ['192.168.1.7', 'ipv4-private'],
    ['100.64.0.7', 'ipv4-shared'],
  ] as const) {
    test(`what is said of ${code} names WireGuard if it can be had, in either language`, async () => {
      for (const [kinds, isNamed] of [
        ['["sit", "wireguard"]', true],
        ['["sit"]', false],
      ] as const) {
        await using world = await PortalWorld.open(`[tunnel]\nforeign_endpoints = true\nkinds = ${kinds}`)
        for (const language of ['en', 'fr']) {
          const answer = await world.askJson(
            '/api/v1/tunnels',
            'POST',
            { ...GOOD, ipv4: address },
            { 'accept-language': language },
          )
          const { code: said, detail } = problemIn(answer)
          assert.equal(said, code)
          assert.equal(detail.includes('WireGuard'), isNamed, detail)
        }
      }
    })
  }
})
