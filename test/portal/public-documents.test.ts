import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { mailtoOf } from '../../src/mail/mailto.ts'
import { Geofeed } from '../../src/portal/geofeed.ts'
import { LAB, PortalWorld } from './portal-world.ts'

const DAY_MS = 86_400_000

suite('the geofeed (RFC 8805)', () => {
  test('has a line with prefix and country for each tunnel, and nothing more of it', async () => {
    await using world = await PortalWorld.open()
    const { id } = await world.register()
    await world.register({ ipv4: '192.0.2.78', country: 'fr' })
    const answer = await world.ask('/geofeed.csv')
    assert.equal(answer.headers['content-type'], 'text/csv; charset=utf-8')
    const lines = answer.text
      .trimEnd()
      .split('\n')
      .filter(line => !line.startsWith('#'))
    assert.equal(lines.length, 2)
    for (const line of lines) {
      const [prefix = '', country = '', ...rest] = line.split(',')
      assert.ok(parsePrefix(prefix) !== undefined, `${prefix} is a prefix without host bits`)
      assert.match(country, /^(?:CA|FR)$/)
      assert.deepEqual(rest, ['', '', ''])
    }
    const { ipv6Client } = world.broker.table.byId(id) ?? assert.fail('registered')
    assert.ok(lines.includes(`${formatIpv6(ipv6Client).replace(/::2$/, '::')}/64,CA,,,`))
  })

  test('has the prefix that is routed to a tunnel too: the hosts at home are in it', async () => {
    await using world = await PortalWorld.open(
      LAB.replace('[tunnel]', '[tunnel]\nrouted_prefix = "2001:db8:8000::/48"'),
    )
    const { id } = await world.register()
    const change = await world.broker.lifecycle.changeRouted(id, true)
    assert.equal(change.kind, 'changed')
    const { text } = await world.ask('/geofeed.csv')
    assert.ok(text.includes('\n2001:db8:8000::/56,CA,,,\n'), text)
  })

  test('is given again for five minutes, and made anew afterwards, or after a fault', async () => {
    await using world = await PortalWorld.open()
    const clock = { now: 0 }
    let isReadable = false
    const table: ConstructorParameters<typeof Geofeed>[0] = {
      slice: (from, limit) => (isReadable ? world.broker.table.slice(from, limit) : assert.fail('the disk')),
    }
    const geofeed = new Geofeed(table, { isCountry: () => true, now: () => clock.now })
    const countLines = async () => (await geofeed.octets()).toString().trimEnd().split('\n').length
    await assert.rejects(geofeed.octets(), /the disk/)
    isReadable = true
    assert.equal(await countLines(), 1)
    await world.register()
    clock.now = 299_999
    assert.equal(await countLines(), 1)
    clock.now = 300_000
    assert.equal(await countLines(), 2)
  })
})

suite('security.txt (RFC 9116)', () => {
  test('names the mailbox of the origin’s SOA where no contact is configured', async () => {
    await using world = await PortalWorld.open()
    const { status, text } = await world.ask('/.well-known/security.txt')
    assert.equal(status, 200)
    assert.match(text, new RegExp(`^Contact: mailto:${world.broker.zone.mailbox()}\n`))
  })

  test('encodes what a URL has other signs for, and lets no mailbox add a line (RFC 6068 2)', () => {
    assert.equal(mailtoOf('john.doe+x@example.net'), 'mailto:john.doe%2Bx@example.net')
    assert.equal(mailtoOf('a@b\nExpires: never@example.net'), 'mailto:a%40b%0AExpires%3A%20never@example.net')
  })

  test('names the contact, and an end less than a year ahead', async () => {
    const contact = 'mailto:security@example.net'
    await using world = await PortalWorld.open(LAB.replace('[web]', `[web]\nsecurity_contact = "${contact}"`))
    const { text, headers } = await world.ask('/.well-known/security.txt')
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
    const lines = text.trimEnd().split('\n')
    const fields = new Map(lines.map(line => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]))
    assert.equal(fields.get('Contact'), contact)
    assert.equal(fields.get('Canonical'), `${world.url}/.well-known/security.txt`)
    assert.equal(fields.get('Preferred-Languages'), 'en, fr')
    const days = (Date.parse(fields.get('Expires') ?? '') - Date.now()) / DAY_MS
    assert.ok(days > 30 && days < 365, `${days} days`)
  })
})
