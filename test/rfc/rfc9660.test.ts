import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { askAs, OPTION, option, serveOptions, toldOption } from '../engine/edns-options.ts'
import { type Asked, catalogOf, serveCatalog, wire } from '../engine/zones.ts'

const PARENT = `example. 300 IN SOA ns.example. host.example. 2026052801 2 3 4 60
example. 300 IN NS ns.example.
a.b.c.example. 300 IN A 192.0.2.1
alias.example. 300 IN CNAME www.other.
*.w.example. 300 IN A 192.0.2.2
child.example. 300 IN NS ns.child.example.
child.example. 300 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
cut.example. 300 IN NS ns.cut.example.
d.example. 300 IN DNAME www.other.`
const CHILD = `child.example. 300 IN SOA ns.example. host.example. 7 2 3 4 60
child.example. 300 IN NS ns.example.`
const OTHER = `other. 300 IN SOA ns.example. host.example. 4294967295 2 3 4 60
other. 300 IN NS ns.example.
www.other. 300 IN A 192.0.2.3`
const PARENT_VERSION = '010078c31cc1'
const ASKS = option(OPTION.ZONEVERSION)
const nameserver = serveOptions([PARENT, CHILD, OTHER])

function versionFor(qname: string, qtype: string, asked: Asked = {}): string | undefined {
  return toldOption(askAs(nameserver, [qname, qtype], [ASKS], asked), OPTION.ZONEVERSION)
}

test('2.1, 4: an answer tells the labels of its zone, type 0 and the serial of the SOA', () => {
  assert.equal(Number.parseInt(PARENT_VERSION.slice(4), 16), 2_026_052_801)
  assert.equal(versionFor('example.', 'SOA'), PARENT_VERSION)
  assert.equal(versionFor('a.b.c.EXAMPLE.', 'A'), PARENT_VERSION)
  assert.equal(versionFor('x.w.example.', 'A'), PARENT_VERSION)
  assert.equal(versionFor('example.', 'SOA', { transport: 'tcp' }), PARENT_VERSION)
  assert.equal(versionFor('other.', 'NS'), '0100ffffffff')
})

test('3.2: NXDOMAIN and NODATA tell it too, at empty non-terminals as well', () => {
  for (const name of ['no.example.', 'example.', 'c.example.', 'b.c.example.'])
    assert.equal(versionFor(name, 'AAAA'), PARENT_VERSION, name)
})

test('3.2: a referral tells the version of the referring zone', () => {
  assert.equal(versionFor('host.cut.example.', 'A'), PARENT_VERSION)
  assert.equal(versionFor('cut.example.', 'NS'), PARENT_VERSION)
})

test('2.1: of parent and child it is the zone that answers', () => {
  assert.equal(versionFor('x.child.example.', 'A'), '020000000007')
  assert.equal(versionFor('child.example.', 'NS'), '020000000007')
  assert.equal(versionFor('child.example.', 'DS'), PARENT_VERSION)
})

test('2.1: a chain tells the version of the zone that encloses the name asked for', () => {
  assert.equal(versionFor('alias.example.', 'A'), PARENT_VERSION)
  assert.equal(versionFor('x.d.example.', 'A'), PARENT_VERSION)
})

test('3.2: where we are not authoritative there is none, and who does not ask is not told', () => {
  assert.equal(versionFor('elsewhere.', 'A'), undefined)
  assert.equal(versionFor('version.bind.', 'TXT', { class: 3 }), undefined)
  assert.equal(versionFor('example.', 'SOA', { version: 1 }), undefined)
  const told = askAs(nameserver, ['example.', 'SOA'], [option(OPTION.NSID)])
  assert.equal(toldOption(told, OPTION.ZONEVERSION), undefined)
})

test('one query tells nothing of another', () => {
  assert.equal(versionFor('example.', 'SOA'), PARENT_VERSION)
  assert.equal(versionFor('elsewhere.', 'SOA'), undefined)
})

test('a zone that failed to load has no version to tell', () => {
  const catalog = catalogOf(PARENT)
  catalog.putFailedZone(wire('broken.'))
  const told = askAs(serveCatalog(catalog), ['x.broken.', 'A'], [ASKS])
  assert.deepEqual([told.rcode, toldOption(told, OPTION.ZONEVERSION)], [RCODE.SERVFAIL, undefined])
})

test('3.2.1: an option with data, or two options, are malformed', () => {
  for (const options of [
    [option(OPTION.ZONEVERSION, '00')],
    [option(OPTION.ZONEVERSION, PARENT_VERSION)],
    [ASKS, ASKS],
    [ASKS, option(OPTION.ZONEVERSION, '00')],
  ]) {
    const told = askAs(nameserver, ['example.', 'SOA'], options)
    assert.deepEqual([told.rcode, toldOption(told, OPTION.ZONEVERSION)], [RCODE.FORMERR, undefined])
  }
})

test('the version is that of the answer: it changes with the commit', () => {
  const catalog = catalogOf(OTHER)
  const server = serveCatalog(catalog)
  const version = () => toldOption(askAs(server, ['www.other.', 'A'], [ASKS]), OPTION.ZONEVERSION)
  assert.equal(version(), '0100ffffffff')
  const rdatas = [Buffer.concat([wire('ns.example.'), wire('host.example.'), Buffer.alloc(20, 1)])]
  catalog.commit([{ kind: 'put', rrset: { owner: wire('other.'), type: TYPE.SOA, ttl: 300, rdatas } }])
  assert.equal(version(), '010001010101')
})
