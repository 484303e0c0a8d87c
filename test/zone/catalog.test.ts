import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import { Catalog, type RrsetChange } from '../../src/zone/catalog.ts'
import { Lookup, OUTCOME } from '../../src/zone/lookup.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { TableReader } from '../../src/zone/table-reader.ts'
import { catalogOf, parseZone, wire } from '../engine/zones.ts'

const FORWARD = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
sub.example. 300 IN NS ns.sub.example.
ns.sub.example. 300 IN A 192.0.2.2
old.example. 300 IN DNAME new.example.
www.a.b.example. 300 IN A 192.0.2.3`
const REVERSE_NAME = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'
const REVERSE = `8.b.d.0.1.0.0.2.ip6.arpa. 300 IN SOA ns.example. host.example. 1 2 3 4 60
8.b.d.0.1.0.0.2.ip6.arpa. 300 IN NS ns.example.`

function put(owner: string, type: number, ...rdatas: Uint8Array[]): RrsetChange {
  return { kind: 'put', rrset: { owner: wire(owner), type, ttl: 60, rdatas } }
}

function remove(owner: string, type: number): RrsetChange {
  return { kind: 'remove', owner: wire(owner), type }
}

/** Is the name there, be it without data? */
function exists(catalog: Catalog, name: string): boolean {
  const outcome = new Lookup(catalog.buffer).step(wire(name), 0, TYPE.ANY)
  return outcome === OUTCOME.ANSWER || outcome === OUTCOME.NODATA
}

/** Apex of the zone that answers for the name, in the name's own letters. */
function apexOf(catalog: Catalog, name: string): string | undefined {
  const lookup = new Lookup(catalog.buffer)
  const outcome = lookup.step(wire(name), 0, TYPE.A)
  if (outcome === OUTCOME.OUTSIDE || outcome === OUTCOME.FAILED) return undefined
  return formatName(wire(name).subarray(lookup.key.start(lookup.apexLabels)))
}

function texts(rrsets: readonly Rrset[]): string[] {
  return rrsets.map(({ owner, type }) => `${formatName(owner)} ${type}`)
}

test('an rrset comes back as it was put, in any case of its owner', () => {
  const catalog = catalogOf(FORWARD)
  const rrset = {
    owner: wire('H1.CA.example.'),
    type: 65_280,
    ttl: 77,
    rdatas: [Uint8Array.of(), Uint8Array.of(1, 2, 3)],
  }
  catalog.commit([{ kind: 'put', rrset }])
  assert.deepEqual(catalog.rrset(wire('h1.ca.EXAMPLE.'), 65_280), rrset)
  assert.equal(catalog.rrset(wire('h1.ca.example.'), TYPE.A), undefined)
})

test('an owner has several rrsets, and each goes for itself', () => {
  const catalog = catalogOf(FORWARD)
  catalog.commit([
    put('h.example.', TYPE.AAAA, new Uint8Array(16)),
    put('h.example.', TYPE.A, new Uint8Array(4)),
  ])
  catalog.commit([remove('h.example.', TYPE.AAAA)])
  assert.equal(catalog.rrset(wire('h.example.'), TYPE.AAAA), undefined)
  assert.ok(catalog.rrset(wire('h.example.'), TYPE.A))
  catalog.commit([remove('h.example.', TYPE.A)])
  assert.equal(exists(catalog, 'h.example.'), false)
})

test('rdata of 65,535 octets is kept whole', () => {
  const catalog = catalogOf(FORWARD)
  const large = new Uint8Array(65_535).fill(7)
  catalog.commit([put('large.example.', TYPE.TXT, large)])
  assert.deepEqual(catalog.rrset(wire('large.example.'), TYPE.TXT)?.rdatas, [large])
})

test('a commit with an owner outside all zones changes nothing', () => {
  const catalog = catalogOf(FORWARD)
  const changes = [
    put('h.example.', TYPE.A, new Uint8Array(4)),
    put('h.elsewhere.', TYPE.A, new Uint8Array(4)),
  ]
  assert.throws(() => catalog.commit(changes), RangeError)
  assert.equal(exists(catalog, 'h.example.'), false)
})

test('values that do not fit the protocol are refused', () => {
  const catalog = catalogOf(FORWARD)
  assert.throws(() => catalog.commit([put('h.example.', TYPE.A)]), RangeError)
  assert.throws(() => catalog.commit([put('h.example.', 65_536, new Uint8Array(4))]), RangeError)
  assert.throws(() => catalog.commit([put('h.example.', TYPE.A, new Uint8Array(65_536))]), RangeError)
  const cutOff = { owner: Uint8Array.of(3, 97), type: 1, ttl: 1, rdatas: [new Uint8Array(4)] }
  assert.throws(() => catalog.commit([{ kind: 'put', rrset: cutOff }]), RangeError)
})

test('the SOA of an apex can be replaced but not taken away', () => {
  const catalog = catalogOf(FORWARD)
  assert.throws(() => catalog.commit([remove('example.', TYPE.SOA)]), RangeError)
  assert.ok(catalog.rrset(wire('example.'), TYPE.SOA))
})

test('a reader sees all zones of a commit or none', () => {
  const catalog = catalogOf(FORWARD, REVERSE)
  const reader = new TableReader(catalog.buffer)
  const before = reader.root
  const generation = reader.generation()
  catalog.commit([
    put('h.example.', TYPE.AAAA, new Uint8Array(16)),
    put(REVERSE_NAME, TYPE.PTR, wire('h.example.')),
  ])
  assert.equal(reader.generation(), generation + 1)
  reader.refresh()
  assert.notEqual(reader.root, before)
  assert.ok(catalog.rrset(wire('h.example.'), TYPE.AAAA))
  assert.ok(catalog.rrset(wire(REVERSE_NAME), TYPE.PTR))
})

test('zones are found by the longest match', () => {
  const catalog = catalogOf(
    FORWARD,
    'sub.example. 1 IN SOA a. b. 1 2 3 4 5\nsub.example. 1 IN NS a.',
    REVERSE,
  )
  assert.equal(apexOf(catalog, 'x.SUB.example.'), 'SUB.example.')
  assert.equal(apexOf(catalog, 'xsub.example.'), 'example.')
  assert.equal(apexOf(catalog, REVERSE_NAME), '8.b.d.0.1.0.0.2.ip6.arpa.')
  assert.equal(apexOf(catalog, '.'), undefined)
  assert.equal(apexOf(catalog, 'ip6.arpa.'), undefined)
})

test('empty non-terminals have a name and go with the last name below them', () => {
  const catalog = catalogOf(FORWARD)
  assert.equal(exists(catalog, 'b.example.'), true)
  assert.equal(exists(catalog, 'a.b.example.'), true)
  assert.equal(exists(catalog, 'c.b.example.'), false)
  catalog.commit([remove('www.a.b.example.', TYPE.A)])
  assert.equal(exists(catalog, 'b.example.'), false)
})

test('a cut and a DNAME reserve what is at and below them, the apex does not', () => {
  const catalog = catalogOf(FORWARD)
  for (const name of [
    'sub.example.',
    'x.sub.example.',
    'ns.sub.example.',
    'x.y.old.example.',
    'old.example.',
  ]) {
    assert.equal(catalog.isReserved(wire(name)), true, name)
  }
  for (const name of ['x.example.', 'x.new.example.', 'elsewhere.']) {
    assert.equal(catalog.isReserved(wire(name)), false, name)
  }
})

test('a walk in pieces is the whole walk', () => {
  const catalog = catalogOf(FORWARD)
  const whole = texts(catalog.walk(wire('example.'), undefined, 1000))
  const pieces: string[] = []
  let after: Uint8Array | undefined
  for (;;) {
    const piece = catalog.walk(wire('example.'), after, 2)
    if (piece.length === 0) break
    pieces.push(...texts(piece))
    after = piece.at(-1)?.owner
  }
  assert.deepEqual(pieces, whole)
  assert.deepEqual(whole, [
    'example. 2',
    'example. 6',
    'www.a.b.example. 1',
    'ns.example. 1',
    'old.example. 39',
    'sub.example. 2',
    'ns.sub.example. 1',
  ])
  assert.deepEqual(catalog.walk(wire('elsewhere.'), undefined, 10), [])
})

test('a zone that is put again is replaced whole and its memory comes back', () => {
  const catalog = catalogOf(FORWARD)
  const { apex, rrsets } = parseZone(FORWARD)
  const before = catalog.memory().used
  catalog.commit([put('h.example.', TYPE.A, new Uint8Array(4))])
  catalog.putZone(apex, rrsets)
  assert.equal(exists(catalog, 'h.example.'), false)
  assert.equal(catalog.memory().used, before)
})

test('a zone without its SOA, or with data outside, is refused and the old one stays', () => {
  const catalog = catalogOf(FORWARD)
  const { apex, rrsets } = parseZone(FORWARD)
  assert.throws(() => catalog.putZone(apex, rrsets.slice(1)), RangeError)
  assert.throws(
    () =>
      catalog.putZone(apex, [...rrsets, { owner: wire('x.'), type: 1, ttl: 1, rdatas: [new Uint8Array(4)] }]),
    RangeError,
  )
  assert.ok(catalog.rrset(wire('ns.example.'), TYPE.A))
})

test('a full buffer refuses a commit and leaves the table as it was', () => {
  const catalog = new Catalog({ maxBytes: 1 << 17 })
  const { apex, rrsets } = parseZone(FORWARD)
  catalog.putZone(apex, rrsets)
  const large = Array.from({ length: 4 }, (_, i) => put(`l${i}.example.`, TYPE.TXT, new Uint8Array(60_000)))
  assert.throws(() => catalog.commit(large), { code: 'table-full' })
  assert.equal(exists(catalog, 'l0.example.'), false)
  assert.ok(catalog.rrset(wire('www.a.b.example.'), TYPE.A))
})

test('a zone that failed to load is claimed but not served', () => {
  const catalog = catalogOf(FORWARD)
  catalog.putFailedZone(wire('broken.example.'))
  assert.equal(apexOf(catalog, 'x.broken.example.'), undefined)
  assert.throws(() => catalog.commit([put('x.broken.example.', TYPE.A, new Uint8Array(4))]), RangeError)
  catalog.putFailedZone(wire('example.'))
  assert.ok(catalog.rrset(wire('example.'), TYPE.SOA))
})
