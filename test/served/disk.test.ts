import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts'
import { cannot } from '../packages.ts'
import { ask, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { codeOf, LAB, register } from './visitors.ts'

const ZONES = join(import.meta.dirname, '..', '..', 'zones')
const OTHER_ZONE = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.3\n'
const NOT_READY = 14

let dir: string
let disk: string
/** Where its temporary files go, and nobody else's. */
let temporary: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-disk-'))
  disk = join(dir, 'disk')
  temporary = join(dir, 'temporary')
  for (const directory of [disk, temporary]) mkdirSync(directory)
  cpSync(ZONES, join(dir, 'zones'), { recursive: true })
  writeFileSync(join(dir, 'zones', 'example.org.zone'), OTHER_ZONE)
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function start(): Promise<Server> {
  return startServer({ dir, config: `data_dir = "${disk}/data"\n${LAB}`, env: { TMPDIR: temporary } })
}

async function reasonsOf(server: Server): Promise<string> {
  const response = await fetch(`${server.web}/healthz`)
  assert.equal(response.status, 503)
  return ((await response.json()) as { reasons: string[] }).reasons.join('\n')
}

async function rcodeOf(server: Server, name: string, type: 'AAAA' | 'SOA'): Promise<string> {
  return (await ask(server.endpoint(), name, type)).rcode
}

/** A database with three active tunnels, ended by kill -9: some of it is in the log alone. */
async function fill(): Promise<void> {
  await using server = await start()
  for (let n = 1; n <= 3; n++) {
    assert.equal((await register(server, n)).status, 201)
    await until(async () => (await rcodeOf(server, `host${n}.ca.freenet6.net`, 'AAAA')) === 'NOERROR')
  }
  await server.kill()
  assert.ok(statSync(join(disk, 'data', 'freenet6.db-wal')).size > 0)
}

async function assertServedForReadingAlone(server: Server): Promise<void> {
  for (let n = 1; n <= 3; n++)
    assert.equal(await rcodeOf(server, `host${n}.ca.freenet6.net`, 'AAAA'), 'NOERROR', `host${n}`)
  assert.equal(await rcodeOf(server, 'nobody.ca.freenet6.net', 'AAAA'), 'NXDOMAIN')
  assert.equal(await rcodeOf(server, 'example.org', 'SOA'), 'NOERROR')
  const refusal = await register(server, 4)
  assert.equal(refusal.status, 503)
  assert.equal(await codeOf(refusal), 'storage-fault')
  assert.match(await reasonsOf(server), /storage-fault: .*freenet6\.db can't be/)
}

/** What was not there at the start is, without a restart by anybody. */
async function assertServedWhole(server: Server, hosts: readonly number[]): Promise<void> {
  const response = () => register(server, 5).catch(() => undefined) // it may come while everything starts anew
  await until(async () => (await response())?.status === 201)
  for (const n of [...hosts, 5])
    await until(async () => (await rcodeOf(server, `host${n}.ca.freenet6.net`, 'AAAA')) === 'NOERROR')
  assert.equal(await rcodeOf(server, 'example.org', 'SOA'), 'NOERROR')
  await until(async () => (await fetch(`${server.web}/healthz`)).status === 200)
}

async function assertServedWithoutTunnels(server: Server, reason: RegExp): Promise<void> {
  assert.equal(await rcodeOf(server, 'example.org', 'SOA'), 'NOERROR')
  const { reply, rcode } = await ask(server.endpoint(), 'host1.ca.freenet6.net', 'AAAA', { ednsSize: 1232 })
  assert.equal(rcode, 'SERVFAIL')
  const options = reply.additionals?.flatMap(record => (record.type === 'OPT' ? record.options : [])) ?? []
  const extended = options.find(({ code }) => Number(code) === 15)
  assert.equal(extended && 'data' in extended && extended.data?.readUInt16BE(0), NOT_READY)
  const refusal = await register(server, 4)
  assert.equal(refusal.status, 503)
  assert.equal(await codeOf(refusal), 'storage-fault')
  assert.match(await reasonsOf(server), reason)
  assert.equal((await fetch(`${server.web}/`)).status, 200)
}

const isRoot = process.getuid?.() === 0

suite('a disk that is a mount of its own', { skip: !isRoot && cannot('mounting takes root') }, () => {
  beforeEach(() => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  })
  afterEach(() => {
    execFileSync('umount', [disk])
  })

  test('on a full disk the names of all tunnels are served, and writes are refused', async () => {
    await fill()
    rmSync(join(disk, 'data', 'freenet6.db-shm'))
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${disk}/filler bs=4096 2>&1; true`])
    await using server = await start()
    await assertServedForReadingAlone(server)
    execFileSync('mount', ['-o', 'remount,size=4m', disk])
    await assertServedWhole(server, [1, 2, 3])
    assert.equal(await server.stop(), 0)
  })

  test('a disk that fills is a trouble for as long as it is full, and no longer, although nobody writes', async () => {
    execFileSync('mount', ['-o', 'remount,size=4m', disk])
    await using server = await start()
    assert.equal((await register(server, 1)).status, 201)
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${disk}/filler bs=4096 2>&1; true`])
    for (let n = 2; (await register(server, n)).status === 201; n++) assert.ok(n < 200)
    await sleep(5000)
    assert.match(await reasonsOf(server), /storage-full/)
    rmSync(join(disk, 'filler'))
    await until(async () => (await fetch(`${server.web}/healthz`)).status === 200)
    assert.equal((await register(server, 201)).status, 201)
  })

  test('on a read-only disk the names of all tunnels are served, and writes are refused', async () => {
    await fill()
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await using server = await start()
    await assertServedForReadingAlone(server)
    execFileSync('mount', ['-o', 'remount,rw,size=4m', disk])
    await assertServedWhole(server, [1, 2, 3])
    assert.equal(await server.stop(), 0)
    assert.deepEqual(readdirSync(temporary), [], 'copies that it has served from')
  })

  test('a database of an older schema is served from a read-only disk', async () => {
    mkdirSync(join(disk, 'data'))
    const old = new DatabaseSync(join(disk, 'data', 'freenet6.db'))
    old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
    for (let n = 1; n <= 3; n++)
      old.exec(`INSERT INTO tunnels VALUES ('t${n}', '192.0.2.${n + 10}', '2001:db8:f6:${n}::2', '2001:db8:f6:${n}::1',
        'fn6-${n}', 'host${n}', 'ca', 'linux', 1, 0, x'00')`)
    old.close()
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await using server = await start()
    await assertServedForReadingAlone(server)
  })

  test('on a read-only disk without a database the tunnels’ zones are SERVFAIL, and the others are served', async () => {
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await using server = await start()
    await assertServedWithoutTunnels(server, /freenet6\.db can't be written: EROFS/)
    const reasons = await reasonsOf(server)
    assert.match(reasons, /make .*\/data writable, with room in it, or choose another data_dir, then restart/)
    assert.doesNotMatch(reasons, /backup|by itself/)
  })
})

test('a malformed database is named with the remedy; its zones are SERVFAIL, and the others are served', async () => {
  await fill()
  const file = join(disk, 'data', 'freenet6.db')
  rmSync(`${file}-wal`) // SQLite would bring the pages back from it
  writeFileSync(file, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8176, 0xa5)]))
  await using server = await start()
  await assertServedWithoutTunnels(server, /freenet6\.db.*put a backup in its place/)
  assert.match(server.stderr, /freenet6\.db.*put a backup in its place/)
})

test('a backup that is put in the place of a malformed database is served by itself', async () => {
  await fill()
  const config = join(dir, 'freenet6.toml')
  const backup = join(dir, 'backup.db')
  assert.equal((await runCli(['backup', backup, '--config', config])).code, 0)
  const file = join(disk, 'data', 'freenet6.db')
  rmSync(`${file}-wal`, { force: true })
  writeFileSync(file, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8176, 0xa5)]))
  await using server = await start()
  await assertServedWithoutTunnels(server, /put a backup in its place/)
  const restored = await runCli(['restore', backup, '--config', config])
  assert.equal(restored.code, 0, restored.stderr)
  await assertServedWhole(server, [1, 2, 3])
  assert.equal(await server.stop(), 0)
})

test('in the place of a database that is gone none without a tunnel is served; the former one is, once it is back', async () => {
  await fill()
  const file = join(disk, 'data', 'freenet6.db')
  for (const suffix of ['', '-wal', '-shm']) renameSync(file + suffix, join(dir, `away${suffix}`))
  await using server = await start()
  await assertServedWithoutTunnels(server, /freenet6\.db is not there, and was a database once/)
  for (const suffix of ['-shm', '-wal', '']) renameSync(join(dir, `away${suffix}`), file + suffix)
  await assertServedWhole(server, [1, 2, 3])
})

test('a database without one of its tables is named; its zones are SERVFAIL, and the others are served', async () => {
  await fill()
  const shell = new DatabaseSync(join(disk, 'data', 'freenet6.db'))
  shell.exec('DROP TABLE notices')
  shell.close()
  await using server = await start()
  await assertServedWithoutTunnels(server, /freenet6\.db can't be used as a database: no such table: notices/)
})

test('a command on a malformed database fails and names the file', async () => {
  mkdirSync(join(disk, 'data'))
  const file = join(disk, 'data', 'freenet6.db')
  writeFileSync(file, 'no database at all\n'.repeat(500))
  const config = join(dir, 'freenet6.toml')
  writeFileSync(config, `data_dir = "${disk}/data"\n`)
  const { code, stderr } = await runCli(['tunnel', 'list', '--config', config])
  assert.equal(code, 1)
  assert.ok(stderr.includes(file))
})
