import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { Catalog, type RrsetChange } from '../../src/zone/catalog.ts'
import { TableReader } from '../../src/zone/table-reader.ts'
import { catalogOf, parseZone, wire } from '../engine/zones.ts'
import { APEX, aaaa, put, putDynamic, putSerial, remove, smallZone, texts } from './changes.ts'

test('a commit tells each rrset that it changed, as it was and as it is', () => {
  const catalog = smallZone()
  const [old, now, gone, made] = [
    aaaa('a.example.', 1),
    aaaa('a.example.', 2),
    aaaa('b.example.', 3),
    aaaa('c.example.', 4),
  ]
  catalog.commit([put(old), put(gone)])
  assert.deepEqual(catalog.commit([put(now), remove('b.example.'), put(made)]), [
    { owner: wire('a.example.'), type: TYPE.AAAA, before: old, after: now },
    { owner: wire('b.example.'), type: TYPE.AAAA, before: gone },
    { owner: wire('c.example.'), type: TYPE.AAAA, after: made },
  ])
})

test('what a commit puts and takes back, or puts as it stood, is no difference', () => {
  const catalog = smallZone()
  const stands = aaaa('a.example.', 1)
  catalog.commit([put(stands)])
  const changes = [
    put(stands),
    put(aaaa('b.example.', 2)),
    remove('B.example.'),
    remove('never.example.'),
    remove('a.example.'),
    put({ ...stands, owner: wire('A.EXAMPLE.') }),
  ]
  assert.deepEqual(catalog.commit(changes), [])
  assert.deepEqual(catalog.rrset(stands.owner, TYPE.AAAA)?.rdatas, stands.rdatas)
})

test('an rrset that a commit changes again and again differs once', () => {
  const catalog = smallZone()
  const changes = [put(aaaa('a.example.', 1)), remove('a.example.'), put(aaaa('A.example.', 7))]
  const [difference, ...more] = catalog.commit(changes)
  assert.deepEqual(more, [])
  assert.equal(difference?.before, undefined)
  assert.deepEqual(difference?.after, aaaa('A.example.', 7))
})

test('another ttl and another number of records are differences', () => {
  const catalog = smallZone()
  const rrset = aaaa('a.example.', 1)
  catalog.commit([put(rrset)])
  assert.equal(catalog.commit([put({ ...rrset, ttl: 61 })]).length, 1)
  const two = [...rrset.rdatas, new Uint8Array(16)]
  assert.equal(catalog.commit([put({ ...rrset, ttl: 61, rdatas: two })]).length, 1)
})

test('a commit that is asked for no differences keeps none, and is made', () => {
  const catalog = smallZone()
  assert.deepEqual(catalog.commit([put(aaaa('a.example.', 1))], { differences: false }), [])
  assert.ok(catalog.rrset(wire('a.example.'), TYPE.AAAA))
})

test('changes that follow from the zones of others come with them, and each zone has its own differences', () => {
  const catalog = catalogOf(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.`)
  catalog.putZone(wire('other.'), parseZone('other. 1 IN SOA a. b. 1 2 3 4 5').rrsets)
  const asked: (readonly Uint8Array[])[] = []
  const prepared = catalog.prepare(
    [put(aaaa('a.OTHER.', 1)), put(aaaa('a.example.', 1)), remove('b.other.')],
    {
      following: apexes => {
        asked.push(apexes)
        return [putSerial(catalog, 9)]
      },
    },
  )
  assert.deepEqual(asked, [[wire('other.'), APEX]])
  assert.deepEqual(
    prepared.zones.map(({ apex, differences }) => [apex, texts(differences)]),
    [
      [wire('other.'), ['a.OTHER. 28']],
      [APEX, ['a.example. 28', 'example. 6']],
    ],
  )
  prepared.abandon()
  assert.throws(
    () => catalog.commit([put(aaaa('a.example.', 1))], { following: () => [put(aaaa('a.elsewhere.', 1))] }),
    RangeError,
  )
  assert.equal(catalog.rrset(wire('a.example.'), TYPE.AAAA), undefined)
})

test('a prepared commit shows nothing until it is published', () => {
  const catalog = smallZone()
  const reader = new TableReader(catalog.buffer)
  const generation = reader.generation()
  const prepared = catalog.prepare([put(aaaa('a.example.', 1)), putSerial(catalog, 9)])
  assert.deepEqual(texts(prepared.differences), ['a.example. 28', 'example. 6'])
  assert.equal(reader.generation(), generation)
  assert.equal(catalog.rrset(wire('a.example.'), TYPE.AAAA), undefined)
  prepared.publish()
  assert.equal(reader.generation(), generation + 1)
  assert.deepEqual(catalog.rrset(wire('a.example.'), TYPE.AAAA), aaaa('a.example.', 1))
})

test('publication takes no memory of the buffer', () => {
  const catalog = smallZone()
  const prepared = catalog.prepare([put(aaaa('a.example.', 1))])
  const { touched } = catalog.memory()
  const { used } = catalog.memory()
  prepared.publish()
  assert.equal(catalog.memory().touched, touched)
  assert.ok(catalog.memory().used <= used)
})

test('1,000 commits prepared and abandoned leave every octet as it was', () => {
  const catalog = smallZone()
  for (let i = 0; i < 50; i++) catalog.commit([put(aaaa(`h${i}.example.`, i))])
  for (let i = 0; i < 20; i++) catalog.commit([remove(`h${i}.example.`)]) // leaves free blocks of many sizes
  const before = catalog.memory()
  const whole = catalog.walk(APEX, undefined, 1000)
  const reader = new TableReader(catalog.buffer)
  const { root } = reader
  for (let i = 0; i < 1000; i++) {
    const changes = [put(aaaa(`h${i % 60}.example.`, 200)), remove('h30.example.'), putSerial(catalog, i)]
    catalog.prepare(changes).abandon()
    assert.deepEqual(catalog.memory(), before)
  }
  reader.refresh()
  assert.equal(reader.root, root)
  assert.deepEqual(catalog.walk(APEX, undefined, 1000), whole)
})

test('1,000 commits that fail on their last change leave every octet as it was', () => {
  const catalog = smallZone()
  const changes = [put(aaaa('a.example.', 1)), put(aaaa('a.elsewhere.', 1))]
  const before = catalog.memory()
  for (let i = 0; i < 1000; i++) assert.throws(() => catalog.commit(changes), RangeError)
  assert.deepEqual(catalog.memory(), before)
})

test('after an abandoned removal what stood there stays, whatever is committed later', () => {
  const catalog = smallZone()
  const stands = aaaa('a.example.', 1)
  catalog.commit([put(stands)])
  catalog.prepare([remove('a.example.')]).abandon()
  for (let i = 0; i < 100; i++) catalog.commit([put(aaaa(`b${i}.example.`, i))])
  assert.deepEqual(catalog.rrset(stands.owner, TYPE.AAAA), stands)
})

test('one commit is prepared at a time, also when its own changes ask for another', () => {
  const catalog = smallZone()
  const prepared = catalog.prepare([put(aaaa('a.example.', 1))])
  const second = [put(aaaa('b.example.', 2))]
  assert.throws(() => catalog.commit(second), { code: 'commit-under-way' })
  assert.throws(() => catalog.putZone(wire('x.'), parseZone('x. 1 IN SOA a. b. 1 2 3 4 5').rrsets), {
    code: 'commit-under-way',
  })
  prepared.publish()
  function* nested(): Generator<RrsetChange> {
    catalog.commit(second)
    yield put(aaaa('c.example.', 3))
  }
  assert.throws(() => catalog.commit(nested()), { code: 'commit-under-way' })
  catalog.commit(second)
  assert.deepEqual(texts(catalog.walk(APEX, undefined, 10)).slice(2), [
    'a.example. 28',
    'b.example. 28',
    'ns.example. 1',
  ])
})

test('a commit ends once: neither abandon after publish nor the other way round does anything', () => {
  const catalog = smallZone()
  const published = catalog.prepare([put(aaaa('a.example.', 1))])
  published.publish()
  const open = catalog.prepare([put(aaaa('b.example.', 2))])
  published.abandon()
  published.publish()
  assert.equal(catalog.rrset(wire('b.example.'), TYPE.AAAA), undefined)
  open.abandon()
  open.publish()
  assert.ok(catalog.rrset(wire('a.example.'), TYPE.AAAA))
  assert.equal(catalog.rrset(wire('b.example.'), TYPE.AAAA), undefined)
})

test('a full table refuses with a code while it prepares, gives all back, and goes on', () => {
  const catalog = new Catalog({ maxBytes: 1 << 17 })
  const { apex, rrsets } = parseZone('example. 1 IN SOA a. b. 1 2 3 4 5')
  catalog.putZone(apex, rrsets)
  const before = catalog.memory()
  const large = Array.from({ length: 4 }, (_, i) =>
    put({ owner: wire(`l${i}.example.`), type: TYPE.TXT, ttl: 1, rdatas: [new Uint8Array(40_000)] }),
  )
  for (let i = 0; i < 10; i++) assert.throws(() => catalog.prepare(large), { code: 'table-full' })
  assert.deepEqual(catalog.memory(), before)
  catalog.commit(large.slice(1, 2))
  assert.deepEqual(texts(catalog.walk(APEX, undefined, 10)), ['example. 6', 'l1.example. 16'])
})

test('a zone that is put again and again takes twice its room and no more', () => {
  const catalog = smallZone()
  catalog.commit(Array.from({ length: 2000 }, (_, i) => put(aaaa(`h${i}.example.`, i % 256))))
  const rrsets = catalog.walk(APEX, undefined, 10_000)
  const { touched } = catalog.memory()
  for (let i = 0; i < 30; i++) catalog.putZone(APEX, rrsets)
  assert.ok(catalog.memory().touched < touched * 2.1, `${catalog.memory().touched} after ${touched}`)
  assert.deepEqual(catalog.walk(APEX, undefined, 10_000), rrsets)
})

test('a dynamic rrset over a static one of its type breaks the whole commit off', () => {
  const catalog = smallZone()
  const before = catalog.memory()
  const taken = { owner: wire('NS.example.'), type: TYPE.A, ttl: 60, rdatas: [new Uint8Array(4)] }
  assert.throws(() => catalog.commit([putDynamic(aaaa('a.example.', 1)), putDynamic(taken)]), RangeError)
  assert.deepEqual(catalog.memory(), before)
  assert.equal(catalog.rrset(taken.owner, TYPE.A)?.ttl, 300)
})
