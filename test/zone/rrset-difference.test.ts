/** What a commit has changed, each rrset once. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { DifferenceLog } from '../../src/zone/rrset-difference.ts'
import { wire } from '../engine/zones.ts'

const OWNER = wire('www.example.')

function rrset(other: Partial<Rrset> = {}): Rrset {
  return { owner: OWNER, type: TYPE.TXT, ttl: 60, rdatas: [Uint8Array.of(1, 97)], ...other }
}

/** The differences of one rrset that goes through these states, the first of them before the commit. */
function through(...states: readonly (Rrset | undefined)[]) {
  const log = new DifferenceLog()
  for (const [at, state] of states.slice(1).entries()) log.note(OWNER, TYPE.TXT, states[at], state)
  return log.differences()
}

suite('an rrset', () => {
  test('of which one record of several is another differs', () => {
    const [a, b, c] = [97, 98, 99].map(letter => Uint8Array.of(1, letter))
    assert.ok(a && b && c)
    assert.equal(through(rrset({ rdatas: [a, b] }), rrset({ rdatas: [a, c] })).length, 1)
  })

  test('counts once, as it was first and as it is last', () => {
    const [first, last] = [rrset({ ttl: 1 }), rrset({ ttl: 3 })]
    assert.deepEqual(through(first, rrset({ ttl: 2 }), undefined, last), [
      { owner: OWNER, type: TYPE.TXT, before: first, after: last },
    ])
  })

  test('that has come has no before, and one that has gone no after', () => {
    assert.deepEqual(through(undefined, rrset()), [{ owner: OWNER, type: TYPE.TXT, after: rrset() }])
    assert.deepEqual(through(rrset(), undefined), [{ owner: OWNER, type: TYPE.TXT, before: rrset() }])
  })

  test('that has come and gone, or gone and come back as it was, is no difference', () => {
    assert.deepEqual(through(undefined, rrset(), undefined), [])
    assert.deepEqual(through(rrset(), undefined, rrset()), [])
  })

  const others: readonly (readonly [says: string, other: Partial<Rrset>])[] = [
    ['TTL', { ttl: 61 }],
    ['record more', { rdatas: [Uint8Array.of(1, 97), Uint8Array.of(1, 98)] }],
    ['octet', { rdatas: [Uint8Array.of(1, 98)] }],
    ['octet more', { rdatas: [Uint8Array.of(1, 97, 98)] }],
    ['octet less', { rdatas: [Uint8Array.of(1)] }],
  ]
  for (const [says, other] of others)
    test(`differs by a ${says}, both ways`, () => {
      assert.equal(through(rrset(), rrset(other)).length, 1)
      assert.equal(through(rrset(other), rrset()).length, 1)
    })
})

test('types of an owner, and owners of a type, count apart, in the order of their first steps', () => {
  const log = new DifferenceLog()
  const names = ['b.example.', 'a.example.', 'a.example.net.', 'example.'].map(wire)
  for (const owner of names)
    for (const type of [TYPE.TXT, TYPE.A]) log.note(owner, type, undefined, rrset({ owner, type }))
  for (const owner of names.toReversed())
    log.note(owner, TYPE.A, rrset(), rrset({ owner, type: TYPE.A, ttl: 1 }))
  assert.deepEqual(
    log.differences().map(({ owner, type, after }) => [owner, type, after?.ttl]),
    names.flatMap(owner => [
      [owner, TYPE.TXT, 60],
      [owner, TYPE.A, 1],
    ]),
  )
})

test('rrsets of one hash count apart', () => {
  // FNV-1a begins with the type: two that differ in an octet and in the type by the same bits meet.
  const log = new DifferenceLog()
  const owners = [Uint8Array.of(0), Uint8Array.of(1)]
  const types = [2, 3]
  for (const [at, owner] of owners.entries()) {
    const type = types[at] ?? 0
    log.note(owner, type, undefined, rrset({ owner, type, ttl: at }))
  }
  for (const [at, owner] of owners.entries()) {
    const type = types[at] ?? 0
    log.note(owner, type, undefined, rrset({ owner, type, ttl: 10 + at }))
  }
  assert.deepEqual(
    log.differences().map(({ type, after }) => [type, after?.ttl]),
    [
      [2, 10],
      [3, 11],
    ],
  )
})
