import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TYPE } from '../../src/wire/codes.ts'
import { isAtOrBelow } from '../../src/wire/wire-name.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { catalogOf, wire } from '../engine/zones.ts'
import { APEX, aaaa, put, putDynamic, remove, smallZone, texts } from './changes.ts'

const TXT = (owner: string): Rrset => ({
  owner: wire(owner),
  type: TYPE.TXT,
  ttl: 60,
  rdatas: [Uint8Array.of(1, 65)],
})

test('static and dynamic rrsets stand at one owner, and each keeps its mark when the other changes', () => {
  const catalog = smallZone()
  const address = aaaa('ns.example.', 1)
  catalog.commit([putDynamic(address)])
  assert.deepEqual(texts(catalog.walk(APEX, undefined, 10)).slice(2), ['ns.example. 1', 'ns.example. 28'])
  assert.deepEqual(catalog.dynamicAfter(APEX, undefined, 10).rrsets, [address])
  catalog.commit([put(TXT('ns.example.'))])
  assert.deepEqual(catalog.dynamicAfter(APEX, undefined, 10).rrsets, [address])
  catalog.commit([remove('ns.example.', TYPE.A), remove('ns.example.', TYPE.TXT)])
  assert.equal(catalog.isReserved(wire('ns.example.')), false)
  assert.deepEqual(catalog.dynamicAfter(APEX, undefined, 10).rrsets, [address])
})

test('a dynamic rrset of many octets is found behind, and finds those behind it', () => {
  const catalog = smallZone()
  const large = { ...TXT('a.example.'), rdatas: [new Uint8Array(65_535), new Uint8Array(65_535).fill(1)] }
  const behind = { ...TXT('a.example.'), type: 65_280 }
  catalog.commit([putDynamic(large), putDynamic(behind), putDynamic(aaaa('a.example.', 1))])
  assert.deepEqual(catalog.rrset(wire('a.example.'), TYPE.TXT), large)
  assert.deepEqual(catalog.rrset(wire('a.example.'), 65_280), behind)
})

test('a static put over a dynamic rrset makes it static; only then does a dynamic put fail', () => {
  const catalog = smallZone()
  catalog.commit([putDynamic(aaaa('a.example.', 1))])
  catalog.commit([putDynamic(aaaa('a.example.', 2))])
  catalog.commit([put(aaaa('a.example.', 3))])
  assert.deepEqual(catalog.dynamicAfter(APEX, undefined, 10).rrsets, [])
  assert.throws(() => catalog.commit([putDynamic(aaaa('a.example.', 4))]), RangeError)
})

test('counts tell dynamic rrsets apart, in pieces as in whole', () => {
  const catalog = smallZone()
  catalog.commit([
    putDynamic(aaaa('a.example.', 1)),
    putDynamic(TXT('a.example.')),
    putDynamic(aaaa('ns.example.', 2)),
    put(aaaa('z.example.', 3)),
  ])
  const whole = catalog.countAfter(APEX, undefined, 1000)
  assert.deepEqual(whole, { rrsets: 7, dynamic: 3, last: undefined })
  const sum = { rrsets: 0, dynamic: 0 }
  const found: Rrset[] = []
  for (let after: Uint8Array | undefined, more = true; more; ) {
    const { rrsets, dynamic, last } = catalog.countAfter(APEX, after, 1)
    found.push(...catalog.dynamicAfter(APEX, after, 1).rrsets)
    sum.rrsets += rrsets
    sum.dynamic += dynamic
    after = last
    more = last !== undefined
  }
  assert.deepEqual(sum, { rrsets: 7, dynamic: 3 })
  assert.deepEqual(texts(found), ['a.example. 16', 'a.example. 28', 'ns.example. 28'])
})

test('static data at a name or below it are found, dynamic ones are none', () => {
  const catalog = catalogOf(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
www.a.b.example. 300 IN A 192.0.2.3`)
  catalog.commit([
    putDynamic(aaaa('h.ca.example.', 1)),
    putDynamic(aaaa('x.h.ca.example.', 1)),
    putDynamic(aaaa('d.example.', 1)),
    put(aaaa('s.d.example.', 1)),
  ])
  for (const name of [
    'example.',
    'NS.example.',
    'b.example.',
    'A.b.example.',
    'www.a.b.example.',
    'd.example.',
  ])
    assert.equal(catalog.isReserved(wire(name)), true, name)
  for (const name of [
    'ca.example.',
    'h.ca.example.',
    'x.h.ca.example.',
    'x.ns.example.',
    'w.a.b.example.',
    'n.example.',
    'elsewhere.',
  ])
    assert.equal(catalog.isReserved(wire(name)), false, name)
})

const label = fc.constantFrom('a', 'b', 'ab', 'aa', '\\000', '\\001', '*')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => `${labels.join('.')}.example.`)
const owner = fc.record({ name, dynamic: fc.boolean() })

test('whatever stands, static data at or below a name are those of a plain search, and so is what stands beside them', () => {
  fc.assert(
    fc.property(fc.array(owner, { maxLength: 20 }), fc.array(name, { maxLength: 10 }), (owners, others) => {
      const catalog = smallZone()
      const statics = [APEX, wire('ns.example.')]
      for (const { name, dynamic } of owners) {
        const type = dynamic ? TYPE.AAAA : TYPE.TXT
        catalog.commit([{ kind: 'put', rrset: { ...TXT(name), type }, dynamic }])
        if (!dynamic) statics.push(wire(name))
      }
      for (const asked of [...others, ...owners.map(({ name }) => name)]) {
        const expected = statics.some(owner => isAtOrBelow(owner, 0, wire(asked), 0))
        assert.equal(catalog.isReserved(wire(asked)), expected, asked)
        for (const rrset of [TXT(asked), { ...TXT(asked), type: TYPE.AAAA }, { ...TXT(asked), ttl: 1 }]) {
          const standing = catalog.standing(rrset)
          assert.equal(standing === 'reserved', expected, asked)
          if (!expected) assert.equal(standing === 'same', catalog.holds(rrset), asked)
        }
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 8000 },
  )
})

test('a cut that is committed later reserves what is below at once, and its removal frees it', () => {
  const catalog = smallZone()
  const cut: Rrset = { owner: wire('ca.example.'), type: TYPE.NS, ttl: 60, rdatas: [wire('ns.elsewhere.')] }
  const below = wire('h.ca.example.')
  assert.equal(catalog.isReserved(below), false)
  catalog.commit([put(cut)])
  assert.equal(catalog.isReserved(below), true)
  catalog.commit([remove('ca.example.', TYPE.NS)])
  assert.equal(catalog.isReserved(below), false)
})
