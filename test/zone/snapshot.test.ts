import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TYPE } from '../../src/wire/codes.ts'
import { Catalog, type RrsetChange } from '../../src/zone/catalog.ts'
import { MAX_HELD_GENERATIONS, MAX_HELD_VERSIONS } from '../../src/zone/held-versions.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import type { Snapshot } from '../../src/zone/snapshot.ts'
import { wire } from '../engine/zones.ts'
import { APEX, aaaa, put, putSerial, remove, smallZone } from './changes.ts'

const NAMES = 300

function filledZone(): Catalog {
  const catalog = smallZone()
  catalog.commit(Array.from({ length: NAMES }, (_, i) => put(aaaa(`h${i}.example.`, i % 256))))
  return catalog
}

/** Replaces every name, some by other ones. */
function turnOver(catalog: Catalog, serial: number): void {
  for (let i = 0; i < NAMES; i++) {
    catalog.commit([remove(`h${i}.example.`), putSerial(catalog, serial)])
    catalog.commit([put(aaaa(`${serial % 2 === 0 ? 'h' : 'g'}${i}.example.`, serial % 256))])
  }
}

function* pieces(snapshot: Snapshot): Generator<readonly Rrset[]> {
  for (let after: Uint8Array | undefined; ; ) {
    const piece = snapshot.walk(APEX, after, 20)
    after = piece.at(-1)?.owner
    if (after === undefined) return
    yield piece
  }
}

function serialOf(snapshot: Snapshot | undefined): number | undefined {
  const soa = snapshot?.rrset(APEX, TYPE.SOA)?.rdatas[0]
  return soa && soaSerial(soa)
}

function areReleased(snapshots: readonly Snapshot[]): boolean[] {
  return snapshots.map(snapshot => {
    try {
      snapshot.rrset(APEX, TYPE.SOA)
      return false
    } catch {
      return true
    }
  })
}

test('a walk of a snapshot over many turns is the version that it began at, whatever is committed', async () => {
  const catalog = filledZone()
  const whole = catalog.walk(APEX, undefined, 10_000)
  using snapshot = catalog.snapshot()
  const walked: Rrset[] = []
  let serial = 100
  for (const piece of pieces(snapshot)) {
    walked.push(...piece)
    turnOver(catalog, serial++)
    await nextTurn()
  }
  assert.deepEqual(walked, whole)
  assert.equal(serialOf(snapshot), 1)
  assert.deepEqual(snapshot.rrset(wire('h7.example.'), TYPE.AAAA), aaaa('h7.example.', 7))
  assert.equal(catalog.rrset(APEX, TYPE.SOA)?.rdatas.length, 1)
  assert.notDeepEqual(catalog.walk(APEX, undefined, 10_000), whole)
})

test('what a snapshot stands on is kept until its release, and comes back with the next commit', () => {
  const catalog = filledZone()
  turnOver(catalog, 1)
  turnOver(catalog, 2)
  const { used } = catalog.memory()
  const snapshot = catalog.snapshot()
  turnOver(catalog, 3)
  turnOver(catalog, 4)
  assert.ok(catalog.memory().used > used * 3, `${catalog.memory().used} after ${used}`)
  snapshot.release()
  catalog.commit([])
  assert.equal(catalog.memory().used, used)
})

test('of several snapshots the oldest keeps the memory, and each its own version', () => {
  const catalog = smallZone()
  const snapshots = Array.from({ length: 4 }, (_, i) => {
    catalog.commit([put(aaaa('a.example.', i)), putSerial(catalog, 10 + i)])
    return catalog.snapshot()
  })
  for (let serial = 20; serial < 40; serial++) catalog.commit([putSerial(catalog, serial)])
  snapshots[1]?.release()
  for (let serial = 40; serial < 60; serial++) catalog.commit([putSerial(catalog, serial)])
  for (const i of [0, 2, 3]) {
    assert.equal(serialOf(snapshots[i]), 10 + i)
    assert.deepEqual(snapshots[i]?.rrset(wire('a.example.'), TYPE.AAAA), aaaa('a.example.', i))
  }
})

test('a released snapshot is read no more, and may be released again', () => {
  const catalog = smallZone()
  const snapshot = catalog.snapshot()
  assert.deepEqual(areReleased([snapshot]), [false])
  snapshot.release()
  snapshot.release()
  assert.deepEqual(areReleased([snapshot]), [true])
  assert.throws(() => snapshot.walk(APEX, undefined, 1), { code: 'snapshot-expired' })
  assert.throws(() => snapshot.rrset(APEX, TYPE.SOA), { code: 'snapshot-expired' })
})

test('held versions are counted, and refused beyond their number until one is released', () => {
  const catalog = smallZone()
  assert.equal(catalog.memory().heldVersions, 0)
  const snapshots = Array.from({ length: MAX_HELD_VERSIONS }, () => catalog.snapshot())
  assert.throws(() => catalog.snapshot(), { code: 'too-many-snapshots' })
  catalog.commit([put(aaaa('a.example.', 1))])
  catalog.commit([put(aaaa('a.example.', 2))])
  assert.equal(catalog.memory().heldVersions, MAX_HELD_VERSIONS)
  snapshots[0]?.release()
  catalog.snapshot().release()
  assert.equal(catalog.memory().heldVersions, MAX_HELD_VERSIONS - 1)
})

test('a snapshot that outlives too many commits is released by force, and its memory comes back', () => {
  const catalog = smallZone()
  const serial = putSerial(catalog, 2)
  const { used } = catalog.memory()
  const old = catalog.snapshot()
  catalog.commit([serial])
  const young = catalog.snapshot()
  for (let i = 1; i < MAX_HELD_GENERATIONS; i++) catalog.commit([serial])
  assert.equal(serialOf(old), 1)
  catalog.commit([serial])
  assert.deepEqual(areReleased([old]), [true])
  assert.throws(() => old.walk(APEX, undefined, 1), { code: 'snapshot-expired' })
  assert.equal(serialOf(young), 2)
  catalog.commit([serial])
  assert.deepEqual(areReleased([young]), [true])
  assert.equal(catalog.memory().used, used)
})

/** A zone that was put five times, with a snapshot of each version but the last. */
function putOften(rrsets: readonly Rrset[], options: { readonly maxBytes?: number } = {}) {
  const catalog = new Catalog(options)
  catalog.putZone(APEX, rrsets)
  const snapshots = Array.from({ length: 4 }, () => {
    const snapshot = catalog.snapshot()
    catalog.putZone(APEX, rrsets)
    return snapshot
  })
  return { catalog, snapshots, rrsets }
}

/** The same in a table that has no room left. */
function crowdedTable() {
  const rrsets = filledZone().walk(APEX, undefined, 10_000)
  return putOften(rrsets, { maxBytes: putOften(rrsets).catalog.memory().touched })
}

test('a zone that is put where snapshots fill the table releases the oldest, and no more than it needs', () => {
  const { catalog, snapshots, rrsets } = crowdedTable()
  assert.deepEqual(areReleased(snapshots), [false, false, false, false])
  catalog.putZone(APEX, rrsets)
  assert.deepEqual(areReleased(snapshots), [true, false, false, false])
  assert.deepEqual(catalog.walk(APEX, undefined, 10_000), rrsets)
  assert.deepEqual(snapshots[1]?.walk(APEX, undefined, 10_000), rrsets)
})

test('a commit that finds the table full of snapshots is made whole, and says what it changes once', () => {
  const { catalog, snapshots } = crowdedTable()
  const changes = Array.from({ length: NAMES }, (_, i) => put(aaaa(`new${i}.example.`, i % 256)))
  assert.equal(catalog.commit(changes).length, NAMES)
  assert.equal(areReleased(snapshots)[0], true)
  assert.deepEqual(catalog.rrset(wire('new7.example.'), TYPE.AAAA), aaaa('new7.example.', 7))
})

test('a change that is too large for the table is refused though every snapshot is released for it', () => {
  const { catalog, snapshots, rrsets } = crowdedTable()
  const rdatas = [new Uint8Array(60_000)]
  const large = Array.from({ length: 40 }, (_, i) =>
    put({ owner: wire(`l${i}.example.`), type: TYPE.TXT, ttl: 1, rdatas }),
  )
  assert.throws(() => catalog.commit(large), { code: 'table-full' })
  assert.deepEqual(areReleased(snapshots), [true, true, true, true])
  for (let i = 0; i < 20; i++) catalog.putZone(APEX, rrsets)
  assert.deepEqual(catalog.walk(APEX, undefined, 10_000), rrsets)
})

test('what a snapshot held comes back to a commit that needs it, though none was published since its release', () => {
  const { catalog, snapshots, rrsets } = crowdedTable()
  for (const snapshot of snapshots) snapshot.release()
  catalog.putZone(APEX, rrsets)
  assert.deepEqual(catalog.walk(APEX, undefined, 10_000), rrsets)
})

test('changes that come only once are refused where the table is full, not made by halves, and find room the next time', () => {
  const { catalog, snapshots } = crowdedTable()
  const names = Array.from({ length: NAMES }, (_, i) => `new${i}.example.`)
  function* once(): Generator<RrsetChange> {
    for (const name of names) yield put(aaaa(name, 1))
  }
  assert.throws(() => catalog.commit(once()), { code: 'table-full' })
  assert.equal(catalog.rrset(wire('new299.example.'), TYPE.AAAA), undefined)
  assert.equal(areReleased(snapshots)[0], true)
  catalog.commit(once())
  for (const name of names) assert.ok(catalog.rrset(wire(name), TYPE.AAAA), name)
})

test('a snapshot taken while a commit is prepared is the published version', () => {
  const catalog = smallZone()
  const prepared = catalog.prepare([putSerial(catalog, 2)])
  using snapshot = catalog.snapshot()
  prepared.publish()
  assert.equal(serialOf(snapshot), 1)
  catalog.commit([])
  assert.equal(serialOf(snapshot), 1)
})

test('a snapshot does not see zones that come later, and keeps those that go', () => {
  const catalog = smallZone()
  using snapshot = catalog.snapshot()
  const soa = snapshot.rrset(APEX, TYPE.SOA)
  assert.ok(soa)
  catalog.putZone(APEX, [soa])
  catalog.putZone(wire('later.'), [{ ...soa, owner: wire('later.') }])
  for (let i = 0; i < 100; i++) catalog.commit([put(aaaa(`h${i}.example.`, i))])
  assert.equal(snapshot.rrset(wire('later.'), TYPE.SOA), undefined)
  assert.equal(snapshot.walk(APEX, undefined, 100).length, 3)
})

test('a snapshot is released at the end of the block that uses it', () => {
  const catalog = filledZone()
  {
    using snapshot = catalog.snapshot()
    assert.ok(snapshot.rrset(APEX, TYPE.SOA))
    assert.equal(catalog.memory().heldVersions, 1)
  }
  assert.equal(catalog.memory().heldVersions, 0)
})
