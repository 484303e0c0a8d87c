import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { Database } from '../../src/store/sqlite/database.ts'
import { DatabaseFault } from '../../src/store/sqlite/database-fault.ts'
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts'
import { storageFaultOf } from '../../src/store/storage-fault.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-database-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

function file(): string {
  return join(directory, 'data', 'freenet6.db')
}

function faultOf(open: () => unknown): string | undefined {
  try {
    open()
  } catch (error) {
    return error instanceof DatabaseFault ? error.code : String(error)
  }
  return undefined
}

const ROW = `INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
  VALUES (?, ?, ?, ?, ?, ?, ?, 'linux', 1, ?, x'00')`

test('the database is in WAL mode with synchronous=FULL', () => {
  const database = Database.open(file())
  assert.equal(database.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal')
  assert.equal(database.prepare('PRAGMA temp_store').get()?.temp_store, 2) // MEMORY: no file in /var/tmp
  assert.equal(database.prepare('PRAGMA synchronous').get()?.synchronous, 2)
  database.close()
})

test('a second process can not serve the same database', () => {
  const database = Database.open(file())
  assert.equal(
    faultOf(() => Database.open(file())),
    'database-locked',
  )
  database.close()
  Database.open(file()).close()
})

test('a lock that a bad disk has garbled holds nothing that is needed: it is made anew', () => {
  Database.open(file()).close()
  writeFileSync(`${file()}.lock`, 'garbage'.repeat(1000))
  const database = Database.open(file())
  assert.equal(database.stopped, undefined)
  assert.equal(
    faultOf(() => Database.open(file())),
    'database-locked',
  )
  database.close()
})

test('a lock that can not be had is named, and not the database, which is sound', () => {
  Database.open(file()).close()
  rmSync(`${file()}.lock`)
  mkdirSync(`${file()}.lock`)
  const database = Database.open(file())
  assert.match(database.stopped ?? '', /freenet6\.db\.lock can't be used/)
  database.close()
})

for (const [what, lose] of Object.entries({
  'is gone': () => rmSync(file()),
  'is empty': () => writeFileSync(file(), ''),
}))
  test(`in the place of a database that ${what} none without a tunnel is made, until its lock is gone too`, () => {
    Database.open(file()).close()
    lose()
    for (let start = 0; start < 2; start++)
      assert.throws(() => Database.open(file()), { code: 'database-unreadable', message: /put it back/ })
    rmSync(`${file()}.lock`)
    Database.open(file()).close()
  })

test('a log whose database is gone is not dropped', () => {
  mkdirSync(join(directory, 'data'))
  writeFileSync(`${file()}-wal`, Buffer.alloc(4096, 1))
  assert.throws(() => Database.open(file()), { code: 'database-unreadable', message: /is not there/ })
  assert.equal(statSync(`${file()}-wal`).size, 4096)
})

test('a first start that was broken off is no reason to refuse the next one', () => {
  mkdirSync(join(directory, 'data'))
  new DatabaseSync(`${file()}.lock`).close()
  writeFileSync(file(), '')
  Database.open(file()).close()
})

test('the sqlite3 shell may read and write beside us, and is noticed', () => {
  const database = Database.open(file())
  const before = database.dataVersion()
  const other = new DatabaseSync(file())
  other.exec("INSERT INTO zone_serials VALUES ('a', 1)")
  other.close()
  assert.notEqual(database.dataVersion(), before)
  database.close()
})

test('a database newer than the program is refused and left as it is', () => {
  Database.open(file()).close()
  const raw = new DatabaseSync(file())
  raw.exec('PRAGMA user_version = 99')
  raw.close()
  assert.equal(
    faultOf(() => Database.open(file())),
    'database-newer',
  )
  const after = new DatabaseSync(file())
  assert.equal(after.prepare('PRAGMA user_version').get()?.user_version, 99)
  after.close()
})

test('a file that is no database is refused', () => {
  const path = join(directory, 'freenet6.db')
  writeFileSync(path, 'this is a text, not a database, and it is long enough to be looked at'.repeat(20))
  assert.equal(
    faultOf(() => Database.open(path)),
    'database-unreadable',
  )
})

test('a copy made by .dump, which knows no number of the schema, is refused with what mends it', () => {
  Database.open(file()).close()
  const raw = new DatabaseSync(file())
  raw.exec('PRAGMA user_version = 0')
  raw.close()
  assert.throws(
    () => Database.open(file()),
    (error: Error) =>
      error.message.includes(`sqlite3 ${file()} 'PRAGMA user_version = ${MIGRATIONS.length}'`),
  )
})

test('a directory in the file’s place is refused', () => {
  assert.equal(
    faultOf(() => Database.open(directory)),
    'database-read-only',
  )
})

test('a failed transaction leaves nothing behind', () => {
  const database = Database.open(file())
  const insert = database.prepare('INSERT INTO zone_serials VALUES (?, 1)')
  assert.throws(() =>
    database.transaction(() => {
      insert.run('a')
      throw new Error('no')
    }),
  )
  assert.equal(database.prepare('SELECT count(*) AS n FROM zone_serials').get()?.n, 0)
  database.close()
})

const CONFLICTS: readonly [what: string, row: readonly (string | number)[]][] = [
  ['endpoint', ['b', '192.0.2.1', 'b::2', 'b::1', 'fn6-1', 'b', 'ca', 0]],
  ['client address', ['b', '192.0.2.2', 'a::2', 'b::1', 'fn6-1', 'b', 'ca', 0]],
  ['server address', ['b', '192.0.2.2', 'b::2', 'a::1', 'fn6-1', 'b', 'ca', 0]],
  ['device', ['b', '192.0.2.2', 'b::2', 'b::1', 'fn6-0', 'b', 'ca', 0]],
  ['name', ['b', '192.0.2.2', 'b::2', 'b::1', 'fn6-1', 'a', 'ca', 0]],
  ['unreachable below -1', ['b', '192.0.2.2', 'b::2', 'b::1', 'fn6-1', 'b', 'ca', -2]],
  ['unreachable that is no number', ['b', '192.0.2.2', 'b::2', 'b::1', 'fn6-1', 'b', 'ca', 'x']],
  ['upper-case nicname', ['b', '192.0.2.2', 'b::2', 'b::1', 'fn6-1', 'B', 'ca', 0]],
  ['device name of 16 characters', ['b', '192.0.2.2', 'b::2', 'b::1', 'abcdefghijklmnop', 'b', 'ca', 0]],
]

for (const [what, row] of CONFLICTS) {
  test(`the schema itself refuses: ${what}`, () => {
    const database = Database.open(file())
    const insert = database.prepare(ROW)
    insert.run('a', '192.0.2.1', 'a::2', 'a::1', 'fn6-0', 'a', 'ca', 0)
    try {
      insert.run(...row)
      assert.fail('the row was taken')
    } catch (error) {
      assert.equal(storageFaultOf(error), 'constraint')
    }
    database.close()
  })
}

test('database and lock are for the owner alone, and nobody else may write in their folder, whoever made them', () => {
  const modeOf = (path: string) => statSync(path).mode & 0o777
  mkdirSync(join(directory, 'data'))
  chmodSync(join(directory, 'data'), 0o777)
  writeFileSync(`${file()}.lock`, '', { mode: 0o644 })
  const database = Database.open(file())
  assert.equal(modeOf(join(directory, 'data')), 0o755)
  for (const name of ['', '.lock', '.lock-journal', '-wal']) assert.equal(modeOf(file() + name), 0o600, name)
  database.close()
})
