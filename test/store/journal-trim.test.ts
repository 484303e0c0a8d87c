import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { JournalTrimmed } from '../../src/store/journal.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { Journal } from '../../src/store/sqlite/journal.ts'

const LAST = 2 ** 32 - 1
const DIGEST = new Uint8Array(8)
/** Octets of each list of a step here. */
const HALF = 500

let directory: string
let database: Database
let journal: Journal

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-journal-'))
  database = Database.open(join(directory, 'freenet6.db'))
  journal = new Journal(database, { bytes: 64_000, age: 100 })
})

afterEach(() => {
  database.close()
  rmSync(directory, { recursive: true, force: true })
})

function append(apex: string, from: number, { written = 1000, to = from + 1 } = {}): void {
  const lists = { removed: new Uint8Array(HALF), added: new Uint8Array(HALF) }
  database.transaction(() => {
    journal.append(apex, { from, to, ...lists }, { digest: DIGEST, written })
    journal.trim(written)
  })
}

function fill(apex: string, steps: number): void {
  for (let from = 0; from < steps; from++) append(apex, from)
}

function isKept(apex: string, from: number, to: number): boolean {
  return journal.since(wireName(apex), { from, to }) !== undefined
}

test('what is too much goes from the oldest on, a little more than must, and never over the limit', () => {
  fill('a', 200)
  assert.ok(journal.bytes <= 64_000 && journal.bytes > 60_000, `${journal.bytes} octets`)
  assert.ok(!isKept('a', 0, 200))
  assert.ok(isKept('a', 150, 200))
})

test('it goes from the zone that has most: a quiet one keeps what it has', () => {
  append('quiet', 0)
  fill('busy', 200)
  assert.ok(isKept('quiet', 0, 1))
})

test('what is too old goes, all of a zone if it is that old', () => {
  append('a', 0, { written: 1000 })
  append('b', 0, { written: 1000 })
  append('b', 1, { written: 1090 })
  append('b', 2, { written: 1170 })
  assert.deepEqual([isKept('a', 0, 1), isKept('b', 0, 3), isKept('b', 1, 3)], [false, false, true])
})

test('the limits hold for what another process has left', () => {
  fill('a', 60)
  const { bytes } = journal
  journal = new Journal(database, { bytes: 10_000, age: 100 })
  assert.equal(journal.bytes, bytes)
  append('a', 60)
  assert.ok(journal.bytes <= 10_000)
  assert.ok(isKept('a', 55, 61))
})

test('a step that is trimmed while steps are read is a fault, not the end', () => {
  fill('a', 10)
  const steps = journal.since(wireName('a'), { from: 0, to: 10 }) ?? assert.fail()
  assert.equal(steps.next().value?.to, 1)
  database.transaction(() => journal.cut('a'))
  assert.throws(() => steps.next(), JournalTrimmed)
})

test('steps lead over the end of the circle of serials (RFC 1982)', () => {
  append('a', LAST - 1)
  append('a', LAST, { to: 0 })
  append('a', 0, { to: 7 })
  const steps = journal.since(wireName('a'), { from: LAST - 1, to: 7 }) ?? assert.fail()
  assert.deepEqual(
    [1, 2, 3].map(() => steps.next().value?.to),
    [LAST, 0, 7],
  )
  assert.equal(steps.next().value, undefined)
  assert.ok(isKept('a', 0, 7))
})

test('a step that does not follow the last begins anew', () => {
  append('a', 5)
  append('a', 9)
  assert.ok(isKept('a', 9, 10))
  assert.ok(!isKept('a', 5, 10))
})
