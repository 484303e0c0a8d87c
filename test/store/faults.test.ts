import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Database } from '../../src/store/sqlite/database.ts'
import { WalWatch } from '../../src/store/sqlite/wal-watch.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { parseName } from '../../src/wire/name.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'
import { requirePackages } from '../packages.ts'
import { until } from '../until.ts'

/** As node:sqlite says of a page that can't be right, and of a disk that does not give it. */
const MALFORMED = Object.assign(new Error('database disk image is malformed'), { errcode: 11 })

let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

function request(n: number) {
  return { ipv4: `198.51.100.${n}`, nicname: `host${n}`, country: 'ca', os: 'linux' }
}

/** 'registered', or the code of the refusal. */
async function register(n: number): Promise<string> {
  const outcome = await registerOne(world.lifecycle, request(n))
  return outcome.kind === 'registered' ? outcome.kind : (outcome.problems[0]?.code ?? 'none')
}

function file(suffix = ''): string {
  return join(world.directory, 'data', `freenet6.db${suffix}`)
}

function isAnswered(n: number): boolean {
  return world.catalog.rrset(parseName(`host${n}.ca.freenet6.net`) ?? assert.fail(), TYPE.AAAA) !== undefined
}

function codes(): readonly string[] {
  return world.broker.store.troubles.map(({ code }) => code)
}

/** Writes junk over every page but the first, as a dying disk does, and has SQLite read them again. */
function garble(): void {
  world.connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const descriptor = openSync(file(), 'r+')
  const { size } = statSync(file())
  for (let at = 4096; at < size; at += 4096) writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, at)
  closeSync(descriptor)
  world.connection.exec('PRAGMA shrink_memory')
}

test('garbled pages stop all writes with a code, while the names go on from memory', async () => {
  assert.equal(await register(1), 'registered')
  await world.lifecycle.bringUpNew()
  garble()
  assert.equal(await register(2), 'storage-fault')
  assert.equal(await register(3), 'storage-fault')
  assert.deepEqual(codes(), ['storage-fault'])
  await until(() =>
    /freenet6\.db.*put a backup in its place/.test(world.broker.store.troubles[0]?.reason ?? ''),
  )
  assert.equal(await register(4), 'storage-fault')
  await assert.rejects(world.audit.run())
  assert.ok(isAnswered(1))
})

test('a page that a reader finds garbled stops the writes too', async () => {
  assert.equal(await register(1), 'registered')
  garble()
  const error = await world.audit.run().then(
    () => assert.fail('it read junk'),
    (error: unknown) => error,
  )
  world.broker.store.noteFault(error)
  assert.deepEqual(codes(), ['storage-fault'])
})

test('a page that was wrong for a moment stops the writes until the file has been looked through', async () => {
  world.broker.store.noteFault(MALFORMED)
  assert.equal(await register(1), 'storage-fault')
  assert.match(world.broker.store.troubles[0]?.reason ?? '', /looked through/)
  assert.match(world.broker.store.lostTable ?? '', /looked through/)
  await until(() => codes().length === 0)
  assert.equal(world.broker.store.lostTable, undefined)
  assert.equal(await register(1), 'registered')
})

test('an index that names no row as it is called is damage too', async () => {
  for (let n = 1; n <= 3; n++) assert.equal(await register(n), 'registered')
  world.connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const octets = readFileSync(file())
  let at = octets.indexOf('host2ca')
  while (at >= 0 && octets.toString('latin1', at + 7, at + 12) === 'linux')
    at = octets.indexOf('host2ca', at + 1)
  octets.write('host9', at)
  writeFileSync(file(), octets, { flag: 'r+' })
  world.broker.store.noteFault(MALFORMED)
  await until(() => /put a backup in its place/.test(world.broker.store.troubles[0]?.reason ?? ''))
})

test('nothing is written into a database that was removed, until it is put back', async () => {
  assert.equal(await register(1), 'registered')
  renameSync(file(), file('.away'))
  assert.equal(await register(2), 'storage-fault')
  await until(() => world.broker.store.troubles.some(({ reason }) => /was removed/.test(reason)))
  renameSync(file('.away'), file())
  assert.equal(await register(2), 'registered')
  await until(() => codes().length === 0)
})

test('nothing is written into a database that was replaced by another file', async () => {
  renameSync(file(), file('.away'))
  writeFileSync(file(), '')
  assert.equal(await register(1), 'storage-fault')
  await until(() => world.broker.store.troubles.some(({ reason }) => /was replaced/.test(reason)))
})

test('nothing is written when the log of the database was removed: a crash would lose it', async () => {
  renameSync(file('-wal'), file('.away'))
  assert.equal(await register(1), 'storage-fault')
})

test('a change waits for a short lock of another program, and the event loop turns meanwhile', async () => {
  const shell = new DatabaseSync(file())
  shell.exec('BEGIN EXCLUSIVE')
  let turns = 0
  const turning = setInterval(() => turns++, 1)
  const registration = register(1)
  await sleep(300)
  assert.ok(turns > 2, `${turns} turns`)
  shell.exec('COMMIT')
  assert.equal(await registration, 'registered')
  clearInterval(turning)
  shell.close()
})

test('a change is refused as busy when the lock stays; the next is refused at once, until the lock is gone', async () => {
  const shell = new DatabaseSync(file())
  shell.exec('BEGIN EXCLUSIVE')
  assert.equal(await register(1), 'storage-busy')
  assert.deepEqual(codes(), ['storage-busy'])
  const second = register(2)
  assert.equal(await Promise.race([second, sleep(1500, 'still waiting')]), 'storage-busy')
  shell.exec('COMMIT')
  shell.close()
  assert.equal(await register(3), 'registered')
  assert.deepEqual(codes(), [])
})

test('a lock is no trouble any more once it is gone, although nobody writes', async () => {
  const shell = new DatabaseSync(file())
  shell.exec('BEGIN EXCLUSIVE')
  assert.equal(await register(1), 'storage-busy')
  await sleep(2500)
  assert.deepEqual(codes(), ['storage-busy'])
  shell.exec('COMMIT')
  shell.close()
  await until(() => codes().length === 0)
})

test('a full disk is a trouble until something could be written again', async () => {
  const refused = await world.withFullDisk(async () => {
    for (let n = 1; n < 250; n++) {
      const outcome = await register(n)
      if (outcome !== 'registered') return outcome
    }
    return 'never'
  })
  assert.equal(refused, 'storage-full')
  assert.deepEqual(codes(), ['storage-full'])
  assert.equal(await register(251), 'registered')
  assert.deepEqual(codes(), [])
})

test('a disk that has room again is no trouble any more, although nobody writes', async () => {
  await world.withFullDisk(async () => {
    for (let n = 1; n < 250 && (await register(n)) === 'registered'; n++);
  })
  assert.deepEqual(codes(), ['storage-full'])
  await until(() => codes().length === 0)
})

test('a program that keeps a transaction open is named in the log, once', async t => {
  if (!(await requirePackages(t, ['sqlite3']))) return
  const path = join(world.directory, 'other.db')
  const database = Database.open(path)
  const shell = spawn('sqlite3', [path], { stdio: ['pipe', 'pipe', 'inherit'] })
  shell.stdin.write('BEGIN; SELECT count(*) FROM zone_serials;\n')
  await once(shell.stdout, 'data')
  const insert = database.prepare('INSERT INTO zone_serials VALUES (?, 1)')
  database.transaction(() => {
    for (let n = 0; n < 20_000; n++) insert.run(`zone${n}`)
  })
  const said: { readonly facts: object; readonly message: string }[] = []
  const log = { ...SILENT, warn: (facts: object, message: string) => void said.push({ facts, message }) }
  const watch = new WalWatch(database, log, { bound: 65_536 })
  watch.look()
  watch.look()
  const [first = assert.fail('nothing was said'), ...more] = said
  assert.equal(more.length, 0)
  assert.deepEqual('processes' in first.facts && first.facts.processes, [shell.pid])
  assert.match(first.message, /keeps a transaction of the database open/)
  assert.ok(watch.bytes() >= 65_536)
  shell.stdin.end()
  await once(shell, 'close')
  assert.ok(database.checkpoint())
  database.close()
})
