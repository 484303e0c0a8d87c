import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missingPackages } from '../packages.ts'
import { Front } from './front.ts'
import { Nsd, type ZoneTexts } from './nsd.ts'
import { DELEGATED, FORWARD, mapped, REVERSE, World } from './world.ts'

const skip = await missingPackages(['nsd', 'dig'])
const options = { ...(skip !== undefined && { skip }) }

let world: World
let copies: ZoneTexts
before(async () => {
  if (skip !== undefined) return
  world = await World.open()
  copies = world.copies()
})
after(() => world?.[Symbol.asyncDispose]())

/** The delegation with lines changed. */
function parent(change: (text: string) => string = text => text): Promise<Nsd> {
  return Nsd.start(world.root, { '': change(DELEGATED) })
}

function second(zones: ZoneTexts = copies, { allowsTransfer = false } = {}): Promise<Nsd> {
  return Nsd.start(world.second, zones, { allowsTransfer })
}

/** NSD behind something that stands at the secondary's address. */
function behind(): Promise<Nsd> {
  return Nsd.start({ address: '127.0.0.4', port: world.second.port }, copies)
}

test('in a sound world nothing is found', options, async () => {
  await using _parent = await parent()
  await using _second = await second()
  assert.deepEqual(await world.findings(), [])
})

test('a parent that names another server, and leaves one of ours out', options, async () => {
  await using _parent = await parent(text =>
    text.replace(`${FORWARD}. NS ns2.${FORWARD}.`, `${FORWARD}. NS ns9.elsewhere.`),
  )
  await using _second = await second()
  const found = await world.findings()
  assert.deepEqual(
    found.map(({ code }) => code),
    ['ns-not-ours', 'ns-not-at-parent'],
  )
  assert.match(found[0]?.what ?? '', /the root sends resolvers for freenet6\.net to ns9\.elsewhere/)
  assert.match(found[1]?.what ?? '', /ns2\.freenet6\.net is an NS of freenet6\.net/)
})

test('a parent that gives no address for a server within the zone', options, async () => {
  await using _parent = await parent(text => text.replace(`ns2.${FORWARD}. A 127.0.0.3\n`, ''))
  await using _second = await second()
  const [found, ...others] = await world.findings()
  assert.deepEqual([found?.code, others], ['glue-missing', []])
  assert.match(found?.mend ?? '', /127\.0\.0\.3/)
})

test('a parent that gives an address where a server was once', options, async () => {
  await using _parent = await parent(text => text.replace('A 127.0.0.3', 'A 127.0.0.9'))
  await using _second = await second()
  assert.deepEqual(await world.codes(), ['glue-differs', 'silent'])
})

test('a zone that the parent does not delegate', options, async () => {
  await using _parent = await parent(text => text.replaceAll(`${FORWARD}. NS`, 'other.net. NS'))
  await using _second = await second()
  const found = await world.findings()
  const [first] = found
  assert.equal(first?.code, 'not-delegated')
  assert.match(first?.what ?? '', /the root delegates no zone freenet6\.net/)
})

test('a reverse zone that nobody delegates', options, async () => {
  await using _parent = await parent(text => text.replaceAll(`${REVERSE}. NS`, `7${REVERSE.slice(1)}. NS`))
  await using _second = await second()
  const [found, ...others] = await world.findings()
  assert.deepEqual([found?.code, others], ['not-delegated', []])
  assert.match(found?.what ?? '', /6\.f\.0\.0\.8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa/)
})

test('a reverse zone that is delegated to somebody else', options, async () => {
  await using _parent = await parent(text =>
    text.replaceAll(new RegExp(`${REVERSE}\\. NS ns(\\d)\\.${FORWARD}`, 'g'), `${REVERSE}. NS ns$1.provider`),
  )
  await using _second = await second()
  const found = await world.findings()
  assert.deepEqual([...new Set(found.map(({ code }) => code))], ['ns-not-ours', 'ns-not-at-parent'])
  assert.ok(found.every(({ what }) => what.includes(REVERSE)))
})

test('a root that says nothing', options, async () => {
  await using _root = await Front.listen(world.root, {})
  await using _second = await second()
  const codes = await world.codes()
  assert.ok(codes.includes('parent-unknown'))
})

test('a secondary that was never told of the zones', options, async () => {
  await using _parent = await parent()
  await using _second = await second({
    'example.org': (copies[FORWARD] ?? '').replaceAll(FORWARD, 'example.org'),
  })
  const found = await world.findings()
  assert.deepEqual([...new Set(found.map(({ code }) => code))], ['refused'])
  assert.match(found[0]?.what ?? '', /127\.0\.0\.3:\d+ answers REFUSED for freenet6\.net/)
})

test('a secondary that could not load the zones', options, async () => {
  await using _parent = await parent()
  await using _second = await second({
    'example.org': (copies[FORWARD] ?? '').replaceAll(FORWARD, 'example.org'),
    ...mapped(copies, () => 'broken\n'),
  })
  const found = await world.findings()
  assert.deepEqual([...new Set(found.map(({ code }) => code))], ['refused'])
  assert.match(found[0]?.what ?? '', /answers SERVFAIL/)
})

test('a secondary that knows the way to the zones and does not serve them', options, async () => {
  await using _parent = await parent()
  await using _second = await second({ '': DELEGATED })
  assert.deepEqual(await world.codes(), ['lame'])
})

test('a secondary that is down', options, async () => {
  await using _parent = await parent()
  const found = await world.findings()
  assert.deepEqual([...new Set(found.map(({ code }) => code))], ['silent'])
  assert.match(found[0]?.what ?? '', /ECONNREFUSED/)
})

test('a secondary that takes everything and says nothing', options, async () => {
  await using _parent = await parent()
  await using _second = await Front.listen(world.second, {})
  const found = await world.findings()
  assert.deepEqual([...new Set(found.map(({ code }) => code))], ['silent'])
  assert.match(found[0]?.what ?? '', /no reply within/)
})

test('a firewall that lets no TCP through', options, async () => {
  await using _parent = await parent()
  await using hidden = await behind()
  assert.ok(hidden)
  await using _front = await Front.listen(world.second, {
    to: { ...world.second, address: '127.0.0.4' },
    tcp: 'closed',
  })
  assert.deepEqual(await world.codes(), ['no-tcp'])
})

test('a firewall that lets no UDP through', options, async () => {
  await using _parent = await parent()
  await using _hidden = await behind()
  await using _front = await Front.listen(world.second, {
    to: { ...world.second, address: '127.0.0.4' },
    udp: 'silent',
  })
  assert.deepEqual(await world.codes(), ['no-udp'])
})

test('a server from before EDNS, and firewalls that drop what has EDNS or take it off', options, async () => {
  await using _parent = await parent()
  await using _hidden = await behind()
  for (const [edns, reason] of [
    ['formerr', /FORMERR/],
    ['dropped', /no reply within/],
    ['taken-off', /no OPT record/],
  ] as const) {
    await using _front = await Front.listen(world.second, {
      to: { ...world.second, address: '127.0.0.4' },
      edns,
    })
    const found = await world.findings()
    assert.deepEqual([...new Set(found.map(({ code }) => code))], ['no-edns'], edns)
    assert.match(found[0]?.what ?? '', reason)
  }
})

test('a secondary that has not heard of changes', options, async () => {
  await using _parent = await parent()
  await using _second = await second(world.moved(copies, -5))
  assert.deepEqual(await world.codes(), ['serial-old'])
})

test('a secondary that is ahead of us', options, async () => {
  await using _parent = await parent()
  await using _second = await second(world.moved(copies, 5))
  assert.deepEqual(await world.codes(), ['serial-ahead'])
})

test('a secondary that gives the zones to everybody', options, async () => {
  await using _parent = await parent()
  await using _second = await second(copies, { allowsTransfer: true })
  assert.deepEqual(await world.codes(), ['open-transfer'])
})

test('a secondary that answers for a tunnel what the table does not have', options, async () => {
  await using _parent = await parent()
  await using _second = await second(
    mapped(copies, text => text.replace('2001:db8:f6::2', '2001:db8:f6::bad')),
  )
  const found = await world.findings()
  assert.deepEqual(
    found.map(({ code }) => code),
    ['names-differ'],
  )
  assert.match(
    found[0]?.what ?? '',
    /2001:db8:f6::bad for AAAA nic\.ca\.freenet6\.net; the tunnel table has 2001:db8:f6::2/,
  )
})

test('a secondary that names other servers than we do', options, async () => {
  await using _parent = await parent()
  await using _second = await second(mapped(copies, text => text.replace(/NS\tns2\./g, 'NS\tns3.')))
  assert.deepEqual(await world.codes(), ['ns-differs'])
})

test('our own server that does not have the zone', options, async () => {
  await using _parent = await parent()
  await using _second = await second()
  const [found, ...others] = await world.findings({ zones: ['example.org'] })
  assert.deepEqual([found?.code, others], ['own-silent', []])
})

test('a zone with one server, and with a server that has no address', options, async () => {
  await using single = await World.open({
    zone: '$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 15\n@ NS ns1\n@ NS ns5.elsewhere.\nns1 A 127.0.0.1\n',
  })
  await using _root = await Nsd.start(single.root, {
    '': DELEGATED.replaceAll(`ns2.${FORWARD}. A 127.0.0.3\n`, '').replaceAll(
      `NS ns2.${FORWARD}.`,
      'NS ns5.elsewhere.',
    ),
  })
  assert.deepEqual(await single.codes(), ['ns-without-address', 'one-server'])
})

test('a server whose address can not be looked up is not said to have none', options, async () => {
  await using single = await World.open({
    zone: '$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 15\n@ NS ns1\n@ NS ns5.elsewhere.\nns1 A 127.0.0.1\n',
  })
  await using _root = await Nsd.start(single.root, {
    '': `${DELEGATED.replaceAll(`ns2.${FORWARD}. A 127.0.0.3\n`, '').replaceAll(
      `NS ns2.${FORWARD}.`,
      'NS ns5.elsewhere.',
    )}elsewhere. NS ns.elsewhere.\nns.elsewhere. A 127.0.0.77\n`,
  })
  assert.deepEqual(await single.codes(), ['ns-unknown'])
})
