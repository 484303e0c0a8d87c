/** What a restart must not lose: names that are in the memory of a process whose database can't be read, or was removed. */
import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { until } from '../until.ts'
import { HeldBroker, waiting } from './held-broker.ts'
import { RestartedBroker } from './restarted-broker.ts'

const GARBLED_OCTETS = 100
const PAGE = 4096

function databaseOf({ dir }: RestartedBroker): string {
  return join(dir, 'data', 'freenet6.db')
}

/** As a disk that has gone bad does, from the first page on or from a later one. */
function garble(broker: RestartedBroker, from = 0): void {
  const file = openSync(databaseOf(broker), 'r+')
  const octets = Math.max(GARBLED_OCTETS, from === 0 ? 0 : statSync(databaseOf(broker)).size - from)
  writeSync(file, Buffer.alloc(octets, 0x55), 0, octets, from)
  closeSync(file)
}

function writeAll(broker: RestartedBroker): void {
  const shell = new DatabaseSync(databaseOf(broker))
  shell.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  shell.close()
}

function remove(broker: RestartedBroker): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(databaseOf(broker) + suffix, { force: true })
}

/** A service with a tunnel, all of it written to the database. */
async function withTunnel(t: TestContext) {
  const broker = new RestartedBroker(t)
  await broker.start()
  const tunnel = await broker.registered(1)
  writeAll(broker)
  return { broker, tunnel }
}

test('a successor that can’t read the table does not take over: names are answered from memory', {
  skip: noBatches,
}, async t => {
  const { broker, tunnel } = await withTunnel(t)
  garble(broker)
  assert.match(await broker.failure(), /freenet6\.db/)
  await broker.assertServed([tunnel])
})

test('nor does the process before, where its table was garbled while a successor that failed had it', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  await broker.start()
  const tunnel = await broker.registered(1)
  broker.plan(waiting('successor', 'answering'))
  const restart = broker.command('restart')
  await broker.held()
  garble(broker)
  const successor = broker.successors.at(-1) ?? assert.fail('there is one')
  process.kill(successor, 'SIGKILL')
  await until(() => /the table can not be opened again/.test(broker.server.stderr))
  await broker.assertServed([tunnel])
  assert.equal((await restart).code, 1)
})

test('a restart is refused while the database is away, and a backup saves what it held', {
  skip: noBatches,
}, async t => {
  const { broker, tunnel } = await withTunnel(t)
  remove(broker)
  assert.match(
    await broker.failure(),
    /freenet6\.db was removed while it is in use: put it back, or save .* backup FILE/,
  )
  await broker.assertServed([tunnel])
  const copy = join(broker.dir, 'copy.db')
  assert.equal((await broker.command('backup', copy)).code, 0)
  const saved = new DatabaseSync(copy)
  assert.equal(saved.prepare('SELECT id FROM tunnels').get()?.id, tunnel.id)
  saved.close()
})

test('a database that is moved away while it can’t be opened again is not made anew', {
  skip: noBatches,
}, async t => {
  const { broker, tunnel } = await withTunnel(t)
  garble(broker)
  await broker.failure()
  remove(broker)
  await until(() => /freenet6\.db is not there: put it back/.test(broker.server.stderr))
  assert.ok(!existsSync(databaseOf(broker)))
  await broker.assertServed([tunnel])
})

test('a process that serves without a table has nothing to lose: its restart is one', {
  skip: noBatches,
}, async t => {
  const broker = new RestartedBroker(t)
  mkdirSync(join(broker.dir, 'data'), { mode: 0o700 })
  writeFileSync(databaseOf(broker), 'no database at all\n'.repeat(500))
  await broker.start()
  await broker.restarted()
  assert.equal((await fetch(`${broker.server.web}/healthz`)).status, 503)
  assert.equal((await broker.command('status')).code, 0)
})

test('a restart is refused where the database is known to be garbled: pages and commands go on', {
  skip: noBatches,
}, async t => {
  const { broker, tunnel } = await withTunnel(t)
  garble(broker, PAGE)
  assert.equal((await broker.register(2)).status, 503)
  assert.match(await broker.failure(), /freenet6\.db/)
  assert.equal((await fetch(`${broker.server.web}/healthz`)).status, 503)
  await broker.assertServed([tunnel])
})
