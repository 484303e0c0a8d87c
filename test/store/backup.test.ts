import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs, {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { Database } from '../../src/store/sqlite/database.ts'
import { restoreBackup } from '../../src/store/sqlite/restore.ts'
import { serialCompare } from '../../src/zone/serial.ts'
import { registerOne, World } from '../lifecycle/world.ts'
import { cannot } from '../packages.ts'
import { until } from '../until.ts'

const FIRST_SERIAL = 'SELECT max(serial) AS serial FROM zone_serials'

let world: World
let elsewhere: string

beforeEach(async () => {
  world = await World.open()
  elsewhere = mkdtempSync(join(tmpdir(), 'freenet6-backup-'))
})

afterEach(() => {
  world.end()
  rmSync(elsewhere, { recursive: true, force: true })
})

function register(n: number) {
  const ipv4 = `198.51.${n >> 8}.${n & 255}`
  return registerOne(world.lifecycle, { ipv4, nicname: `host${n}`, country: 'ca', os: 'linux' })
}

function rowsIn(file: string, sql: string): readonly Record<string, unknown>[] {
  const connection = new DatabaseSync(file, { readOnly: true })
  try {
    return connection.prepare(sql).all()
  } finally {
    connection.close()
  }
}

function databaseOf({ directory }: World): string {
  return join(directory, 'data', 'freenet6.db')
}

function backupFile(): string {
  return join(elsewhere, 'backup.db')
}

function restore(database: string): Promise<string | undefined> {
  return restoreBackup(backupFile(), database, { now: new Date(0) })
}

test('a backup while rows are written has every row that was acknowledged before it, for the owner alone', async () => {
  let stopped = false
  let acknowledged = 0
  const writing = (async () => {
    for (let n = 1; !stopped && n < 20_000; n++) if ((await register(n)).kind === 'registered') acknowledged++
  })()
  while (acknowledged < 50) await new Promise(resolve => setImmediate(resolve))
  const before = acknowledged
  await world.broker.store.backUp(backupFile())
  stopped = true
  await writing
  const [integrity] = rowsIn(backupFile(), 'PRAGMA integrity_check')
  assert.equal(integrity?.integrity_check, 'ok')
  const [count] = rowsIn(backupFile(), 'SELECT count(*) AS n FROM tunnels')
  assert.ok(Number(count?.n) >= before, `${count?.n} rows of ${before}`)
  assert.equal(statSync(backupFile()).mode & 0o777, 0o600)
})

test('a backup that begins in the middle of a transaction waits for its end', async () => {
  const database = Database.open(join(elsewhere, 'busy.db'))
  const { done } = database.transaction(() => {
    const done = database.backUp(backupFile())
    // The thread that copies looks at the database now, between two statements of the writer.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    return { done }
  })
  await done
  database.close()
  assert.deepEqual(rowsIn(backupFile(), 'SELECT id FROM tunnels'), [])
})

test('a backup replaces no file, and leaves nothing behind if it fails', async () => {
  writeFileSync(backupFile(), 'precious')
  await assert.rejects(world.broker.store.backUp(backupFile()), /is there already/)
  await assert.rejects(world.broker.store.backUp(join(elsewhere, 'none', 'backup.db')), /ENOENT/)
  assert.deepEqual(readdirSync(elsewhere), ['backup.db'])
})

test('a copy of a damaged database is no backup: it is refused and removed, and the service hears of it', async () => {
  for (let i = 1; i < 200; i++) await register(i)
  const database = join(world.directory, 'data', 'freenet6.db')
  world.connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const [index] = rowsIn(
    database,
    "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'tunnels'",
  )
  const descriptor = openSync(database, 'r+')
  writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, (Number(index?.rootpage) - 1) * 4096)
  closeSync(descriptor)
  world.connection.exec('PRAGMA shrink_memory') // it reads the page again
  await assert.rejects(
    world.broker.store.backUp(backupFile()),
    /the copy is damaged.*keep the backups that you have/,
  )
  assert.deepEqual(readdirSync(elsewhere), [])
  await until(() =>
    world.broker.store.troubles.some(({ reason }) => /put a backup in its place/.test(reason)),
  )
})

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`what was written of a copy is removed at ${signal}, with all that lies beside it`, () => {
    const module = join(import.meta.dirname, '../../src/store/sqlite/partial-copy.ts')
    const code = `
      import { writeFileSync } from 'node:fs'
      import { withPartial } from ${JSON.stringify(module)}
      await withPartial('half', async () => {
        for (const suffix of ['', '-journal', '-wal', '-shm']) writeFileSync('half' + suffix, 'x')
        process.kill(process.pid, '${signal}')
        await new Promise(resolve => setTimeout(resolve, 60_000))
      })`
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: elsewhere })
    assert.equal(ended.signal, signal, String(ended.stderr))
    assert.deepEqual(readdirSync(elsewhere), [])
  })

test('what a restore has written is removed where the disk is full', {
  skip: process.getuid?.() === 0 ? false : cannot('mounting takes root'),
}, async () => {
  for (let i = 1; i < 300; i++) await register(i)
  await world.broker.store.backUp(backupFile())
  const disk = join(elsewhere, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'tmpfs', disk])
  try {
    await assert.rejects(restore(join(disk, 'freenet6.db')), /full/)
    assert.deepEqual(readdirSync(disk), [])
  } finally {
    execFileSync('umount', [disk])
  }
})

test('of two backups to one name at once the first that is whole is there, as it was, and the other says why not', async () => {
  for (let i = 1; i < 20; i++) await register(i)
  const { store } = world.broker
  const outcomes = await Promise.allSettled([store.backUp(backupFile()), store.backUp(backupFile())])
  const reasons = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? String(outcome.reason) : []))
  assert.equal(reasons.length, 1)
  assert.match(reasons[0] ?? '', /is there already: a backup replaces no file/)
  assert.equal(rowsIn(backupFile(), 'SELECT id FROM tunnels').length, 19)
  assert.deepEqual(
    readdirSync(elsewhere).filter(name => name.includes('partial')),
    [],
  )
})

test('a file that comes while a backup is written is left as it is', async () => {
  await register(1)
  const backup = world.broker.store.backUp(backupFile())
  writeFileSync(backupFile(), 'somebody else’s')
  await assert.rejects(backup, /is there already/)
  assert.equal(readFileSync(backupFile(), 'utf8'), 'somebody else’s')
})

test('a restored backup has its rows, and serials later than any that the old database gave', async () => {
  await register(1)
  await world.lifecycle.bringUpNew()
  await world.broker.store.backUp(backupFile())
  for (let n = 2; n < 10; n++) {
    await register(n)
    await world.lifecycle.bringUpNew()
  }
  const database = join(world.directory, 'data', 'freenet6.db')
  const [seen] = rowsIn(database, 'SELECT max(serial) AS serial FROM zone_serials')
  world.broker.close()
  const old = await restore(database)
  const [now] = rowsIn(database, 'SELECT min(serial) AS serial FROM zone_serials')
  assert.ok(Number(now?.serial) > Number(seen?.serial))
  assert.equal(rowsIn(database, 'SELECT id FROM tunnels').length, 1)
  assert.equal(rowsIn(old ?? assert.fail(), 'SELECT id FROM tunnels').length, 9)
  world = await World.open({ directory: world.directory })
  assert.equal(world.table.count(), 1)
})

test('a zone that came after the backup keeps a serial later than it has had', async () => {
  const database = join(world.directory, 'data', 'freenet6.db')
  await world.broker.store.backUp(backupFile())
  world.connection.exec("INSERT INTO zone_serials VALUES ('later.example', 2026112707)")
  world.broker.close()
  await restore(database)
  const [row] = rowsIn(database, "SELECT serial FROM zone_serials WHERE apex = 'later.example'")
  assert.ok(Number(row?.serial) > 2026112707)
  world = await World.open({ directory: world.directory })
})

test('however often the database is lost, each restore begins later than secondaries can have seen', async () => {
  let seen = Number(rowsIn(databaseOf(world), FIRST_SERIAL)[0]?.serial)
  for (let n = 1; n <= 4; n++) {
    await register(n)
    await world.lifecycle.bringUpNew()
    await world.broker.store.backUp(`${backupFile()}-${n}`)
    await register(100 + n)
    await world.lifecycle.bringUpNew()
    seen = Number(rowsIn(databaseOf(world), FIRST_SERIAL)[0]?.serial)
    const now = world.now + 60
    const directory = join(elsewhere, `host-${n}`)
    mkdirSync(join(directory, 'data'), { recursive: true })
    await restoreBackup(`${backupFile()}-${n}`, join(directory, 'data', 'freenet6.db'), {
      now: new Date(now * 1000),
    })
    world.end()
    world = await World.open({ directory, now })
    const begun = Number(rowsIn(databaseOf(world), FIRST_SERIAL)[0]?.serial)
    assert.equal(serialCompare(begun, seen), 1, `${n}: ${begun} after ${seen}`)
  }
})

test('the same backup, restored a second time, begins later than it did the first time', async () => {
  await register(1)
  await world.broker.store.backUp(backupFile())
  const serials = []
  for (const hours of [1, 2]) {
    const database = join(elsewhere, `${hours}.db`)
    await restoreBackup(backupFile(), database, { now: new Date((world.now + hours * 3600) * 1000) })
    serials.push(Number(rowsIn(database, FIRST_SERIAL)[0]?.serial))
  }
  assert.equal(serialCompare(serials[1] ?? 0, (serials[0] ?? 0) + 16 * 3599), 1)
})

test('a file that is damaged, of another schema or no database is not restored', async () => {
  const database = join(elsewhere, 'freenet6.db')
  await assert.rejects(restore(database), /there is no such file/)
  symlinkSync(backupFile(), backupFile()) // root may read whatever can be opened
  await assert.rejects(restore(database), /can't be read: ELOOP/)
  rmSync(backupFile())
  writeFileSync(backupFile(), 'no database at all\n'.repeat(500))
  await assert.rejects(restore(database), /is no backup/)
  rmSync(backupFile())
  const newer = new DatabaseSync(backupFile())
  newer.exec('CREATE TABLE tunnels (id); PRAGMA user_version = 99')
  newer.close()
  await assert.rejects(restore(database), /has schema 99/)
  assert.ok(!existsSync(database))
})

for (const call of ['fsyncSync', 'renameSync'] as const)
  test(`a restore that the disk breaks off at ${call} leaves the database in its place`, async t => {
    await register(1)
    await world.broker.store.backUp(backupFile())
    await register(2)
    world.broker.close()
    const database = join(world.directory, 'data', 'freenet6.db')
    const whole = fs[call] as (...args: string[]) => void
    t.mock.method(fs, call, (from: string, ...others: string[]) => {
      if (call === 'fsyncSync' || String(from).endsWith('.partial')) throw new Error('EIO')
      whole(from, ...others)
    })
    syncBuiltinESMExports()
    await assert.rejects(restore(database), /EIO/)
    t.mock.restoreAll()
    syncBuiltinESMExports()
    assert.equal(rowsIn(database, 'SELECT id FROM tunnels').length, 2)
    world = await World.open({ directory: world.directory })
    assert.equal(world.table.count(), 2)
  })

test('what root makes belongs to whom the directory belongs to, and nothing is made through a link for others', {
  skip: process.getuid?.() === 0 ? false : cannot('only root can give a file away'),
}, async () => {
  const NOBODY = 65534
  await world.broker.store.backUp(backupFile())
  const directory = join(elsewhere, 'data')
  const database = join(directory, 'freenet6.db')
  mkdirSync(directory)
  fs.chownSync(directory, NOBODY, NOBODY)
  const aimedAt = join(elsewhere, 'elsewhere')
  fs.symlinkSync(aimedAt, `${database}.lock`)
  await Database.whileUnused(database, async () => undefined)
  assert.equal(statSync(aimedAt).uid, 0)
  rmSync(`${database}.lock`)
  for (const _ of ['where there is none', 'in place of one']) {
    await Database.whileUnused(database, () => restore(database))
    for (const file of [database, `${database}.lock`]) {
      const { uid, gid, mode } = statSync(file)
      assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o600])
    }
    fs.chownSync(database, 0, 0) // as an earlier version left it
  }
  const fresh = join(directory, 'fresh.db')
  const opened = Database.open(fresh)
  opened.transaction(() => undefined)
  for (const file of [fresh, `${fresh}-wal`, `${fresh}-shm`, `${fresh}.lock`])
    assert.equal(statSync(file).uid, NOBODY, file)
  opened.close()
})

test('nothing is restored under a process that serves the database', async () => {
  const database = join(world.directory, 'data', 'freenet6.db')
  await world.broker.store.backUp(backupFile())
  await assert.rejects(
    Database.whileUnused(database, () => restore(database)),
    /another freenet6 process/,
  )
})

test('a log that its database has left is not laid over the one that is restored', async () => {
  for (let i = 1; i <= 20; i++) await register(i)
  await world.broker.store.backUp(backupFile())
  for (let i = 21; i <= 60; i++) await register(i)
  const database = join(elsewhere, 'freenet6.db')
  for (const suffix of ['-wal', '-shm'])
    fs.copyFileSync(join(world.directory, 'data', `freenet6.db${suffix}`), database + suffix)
  const old = await restore(database)
  assert.equal(rowsIn(database, 'SELECT id FROM tunnels').length, 20)
  assert.equal(rowsIn(database, 'PRAGMA integrity_check')[0]?.integrity_check, 'ok')
  assert.ok(existsSync(`${old}-wal`))
})

test('a backup on a medium that takes nothing is restored', {
  skip: process.getuid?.() === 0 ? false : cannot('only root may mount what takes nothing'),
}, async () => {
  await register(7)
  await world.broker.store.backUp(backupFile())
  const medium = join(elsewhere, 'medium')
  mkdirSync(medium)
  const restoring = `
    const { restoreBackup } = await import('${import.meta.resolve('../../src/store/sqlite/restore.ts')}')
    await restoreBackup('${medium}/backup.db', '${elsewhere}/restored.db', { now: new Date(0) })`
  const mounted = `mount -t tmpfs medium ${medium} && cp ${backupFile()} ${medium} && mount -o remount,ro ${medium}`
  const command = [
    '--mount',
    'sh',
    '-c',
    `${mounted} && exec "$@"`,
    'sh',
    process.execPath,
    '--eval',
    restoring,
  ]
  const { status, stderr } = spawnSync('unshare', [...command], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.equal(rowsIn(join(elsewhere, 'restored.db'), 'SELECT * FROM tunnels').length, 1)
})
