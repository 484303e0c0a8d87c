import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Database } from '../../src/store/sqlite/database.ts'
import { ZoneSerials } from '../../src/store/sqlite/zone-serials.ts'

const LAST = 2 ** 32 - 1

let directory: string
let database: Database
let serials: ZoneSerials

/** The next serial, written down. */
function advance(apex: string, atLeast: number): number {
  const serial = serials.next(apex, atLeast)
  serials.write(apex, serial)
  return serial
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-serials-'))
  database = Database.open(join(directory, 'freenet6.db'))
  serials = new ZoneSerials(database)
})

afterEach(() => {
  database.close()
  rmSync(directory, { recursive: true, force: true })
})

test('the first serial of a zone is that of its file, and each next one is one more', () => {
  assert.deepEqual([advance('a', 7), advance('a', 7), advance('a', 7)], [7, 8, 9])
})

test('a file’s serial 5 is later than a counted one at the end of the circle (RFC 1982 3.2)', () => {
  advance('a', LAST - 1)
  assert.equal(advance('a', 5), 5)
})

test('a counted serial 5 is later than a file’s at the end of the circle', () => {
  advance('a', 4)
  assert.equal(advance('a', LAST), 5)
})

test('the serial after the last is 0', () => {
  advance('a', LAST)
  assert.equal(advance('a', LAST), 0)
})

test('if neither is later the counted one wins: secondaries have seen it', () => {
  advance('a', 9)
  assert.equal(advance('a', 10 + 2 ** 31), 10)
})
