/** What makes the zone of one file out of that of another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atOnce } from '../../src/shared/in-turns.ts'
import { TYPE } from '../../src/wire/codes.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { staticChanges } from '../../src/zone/static-difference.ts'
import { nameOf } from './zone-text.ts'

const [ONE, TWO] = [Uint8Array.of(1, 49), Uint8Array.of(1, 50)]
const OWNER = nameOf('www.example.')

function rrset(other: Partial<Rrset> = {}): Rrset {
  return { owner: OWNER, type: TYPE.TXT, ttl: 60, rdatas: [ONE, TWO], ...other }
}

test('the same is no change, whatever the case of its owner', () => {
  assert.deepEqual(atOnce(staticChanges([rrset()], [rrset({ owner: nameOf('WWW.Example.') })])), [])
})

test('another TTL, another record, one more and one less put the rrset anew', () => {
  const others = [
    rrset({ ttl: 61 }),
    rrset({ rdatas: [ONE] }),
    rrset({ rdatas: [ONE, Uint8Array.of(1, 51)] }),
    rrset({ rdatas: [Uint8Array.of(1, 51), TWO] }),
    rrset({ rdatas: [ONE, TWO, Uint8Array.of(1, 51)] }),
  ]
  for (const other of others)
    assert.deepEqual(atOnce(staticChanges([rrset()], [other])), [{ kind: 'put', rrset: other }])
})

test('what is new is put, what is gone is removed first, by owner and type', () => {
  const aaaa = rrset({ type: TYPE.AAAA, rdatas: [new Uint8Array(16)] })
  const elsewhere = rrset({ owner: nameOf('web.example.') })
  assert.deepEqual(atOnce(staticChanges([rrset(), aaaa], [rrset(), elsewhere])), [
    { kind: 'remove', owner: OWNER, type: TYPE.AAAA },
    { kind: 'put', rrset: elsewhere },
  ])
})

test('a large zone is compared with pauses, so that others are answered meanwhile', () => {
  const zone = Array.from({ length: 10_000 }, (_, n) => rrset({ owner: nameOf(`h${n}.example.`) }))
  const comparison = staticChanges(zone, zone.slice(1))
  let pauses = 0
  for (let step = comparison.next(); step.done !== true; step = comparison.next()) pauses++
  assert.equal(pauses, 9)
})
