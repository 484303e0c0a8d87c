import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { Journal } from '../../src/store/sqlite/journal.ts'
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts'
import { hashKey } from '../../src/tunnel/tunnel-key.ts'
import { World } from '../lifecycle/world.ts'

/** Of each entry that databases out there were made by: one that is edited would make other databases than theirs. */
const FROZEN: readonly string[] = [
  'c9555ef3a5526346',
  'a88bfbeb42b0316b',
  '38ad71185d392202',
  'ed7822209774846c',
]

/** The last schema whose journal has no numbers of its own. */
const BEFORE_JOURNAL_NUMBERS = 14

/** What a schema can hold that the one before could not, by version: it is still there after an upgrade from it. */
const CONTENTS: readonly string[] = [
  `INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
     unreachable, key_hash)
   VALUES ('up', '198.51.100.1', '2001:db8:f6:1::2', '2001:db8:f6:1::1', 'fn6-1', 'up', 'ca', 'linux', 5, 0, x'KEY');
   INSERT INTO zone_serials VALUES ('freenet6.net', 2000000000);
   INSERT INTO resting_indexes VALUES (0, 4000000000);`,
  `UPDATE tunnels SET details = NULL, kind = 'sit' WHERE id = 'up';`,
  `INSERT INTO dormant (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
     unreachable, key_hash, kind, details, since, until)
   VALUES ('asleep', '198.51.100.2', '2001:db8:f6:2::2', '2001:db8:f6:2::1', 'fn6-2', 'asleep',
     'ca', 'linux', 5, 6, x'KEY', 'sit', NULL, 900000, 4000000000);`,
  `UPDATE dormant SET suspended = 1 WHERE id = 'asleep';
   INSERT INTO notes VALUES ('asleep', 'sends mail');`,
]

/** The database of a version as it was made then, with all that it can hold. */
function databaseOf(version: number, file: string): void {
  const database = new DatabaseSync(file)
  for (const migration of MIGRATIONS.slice(0, version)) database.exec(migration)
  database.exec(`PRAGMA user_version = ${version}`)
  const key = Buffer.from(hashKey('key')).toString('hex')
  for (const contents of CONTENTS.slice(0, version)) database.exec(contents.replaceAll("x'KEY'", `x'${key}'`))
  database.close()
}

test('no entry of the schema’s history is other than it was', () => {
  const known = MIGRATIONS.slice(0, FROZEN.length)
  assert.deepEqual(
    known.map(migration => createHash('sha256').update(migration).digest('hex').slice(0, 16)),
    FROZEN,
  )
})

test('the journal goes along into a table of another form: secondaries go on from their serials', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-schema-'))
  const file = join(directory, 'freenet6.db')
  databaseOf(BEFORE_JOURNAL_NUMBERS, file)
  const old = new DatabaseSync(file)
  for (const from of [7, 8])
    old.exec(
      `INSERT INTO journal VALUES ('a', ${from}, ${from + 1}, 100, ${from * 100}, zeroblob(8), x'${from}0', x'${from}1')`,
    )
  old.close()
  const database = Database.open(file)
  try {
    const journal = new Journal(database, { bytes: 1000, age: 1000 })
    const steps = journal.since(wireName('a'), { from: 7, to: 9 }) ?? assert.fail('not kept')
    const read = [steps.next().value, steps.next().value].map(step => [
      step?.from,
      step?.removed,
      step?.added,
    ])
    assert.deepEqual(read, [
      [7, Uint8Array.of(0x70), Uint8Array.of(0x71)],
      [8, Uint8Array.of(0x80), Uint8Array.of(0x81)],
    ])
    assert.equal(steps.next().done, true)
  } finally {
    database.close()
  }
})

for (const version of MIGRATIONS.map((_, n) => n + 1)) {
  test(`a database of schema ${version} keeps tunnels, keys, serials and all else that it can hold`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'freenet6-schema-'))
    mkdirSync(join(directory, 'data'))
    databaseOf(version, join(directory, 'data', 'freenet6.db'))
    const world = await World.open({ directory })
    try {
      const up = world.table.byId('up')
      assert.deepEqual([up?.ipv4Client, up?.nicname, up?.kind.name], ['198.51.100.1', 'up', 'sit'])
      assert.ok(world.table.keyMatches('up', 'key'))
      assert.deepEqual(world.table.brokenRows(), [])
      assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
      const serial = world.connection
        .prepare("SELECT serial FROM zone_serials WHERE apex = 'freenet6.net'")
        .get()
      assert.equal(serial?.serial, 2_000_000_001)
      const resting = world.connection.prepare('SELECT pool_index FROM resting_indexes').all()
      assert.deepEqual(
        resting.map(row => row.pool_index),
        [0],
      )
      assert.equal(world.table.dormant.count(), version >= 3 ? 1 : 0)
      if (version >= 3) assert.ok(world.table.keyMatches('asleep', 'key'))
      const suspended = world.connection
        .prepare('SELECT count(*) AS n FROM dormant WHERE suspended = 1')
        .get()
      const notes = world.connection.prepare('SELECT note FROM notes').all()
      assert.deepEqual(
        [suspended?.n, notes.map(row => row.note)],
        version >= 4 ? [1, ['sends mail']] : [0, []],
      )
    } finally {
      world.end()
    }
  })
}
