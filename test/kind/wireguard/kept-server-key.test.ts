import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { compose } from '../../../src/compose.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { restoreBackup } from '../../../src/store/sqlite/restore.ts'
import { SILENT } from '../../lifecycle/world.ts'
import { configText } from '../../spawn.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-kept-key-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

function file(server: string): string {
  return join(directory, server, 'data', 'wireguard.key')
}

/** Starts the broker of a server and ends it; the key that it had. */
async function keyOf(server: string, backup?: string): Promise<string> {
  const reading = parseConfig(configText(''), join(directory, server, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  const broker = await compose(reading.config, { log: SILENT })
  if (backup !== undefined) await broker.store.backUp(backup)
  broker.close()
  return readFileSync(file(server), 'utf8')
}

test('the server’s WireGuard key comes back from the table where its file is lost, damaged or another', async () => {
  const key = await keyOf('one')
  rmSync(file('one'))
  assert.equal(await keyOf('one'), key)
  writeFileSync(file('one'), '')
  assert.equal(await keyOf('one'), key)
  writeFileSync(file('one'), `${Buffer.alloc(32, 7).toString('base64')}\n`)
  assert.equal(await keyOf('one'), key)
  assert.equal(statSync(file('one')).mode & 0o777, 0o600)
})

test('a copy that others may read is for its owner alone again', async () => {
  const key = await keyOf('one')
  chmodSync(file('one'), 0o644)
  assert.equal(await keyOf('one'), key)
  assert.equal(statSync(file('one')).mode & 0o777, 0o600)
})

test('a backup has it: a new server that restores one is the server that clients know', async () => {
  const backup = join(directory, 'backup.db')
  const key = await keyOf('one', backup)
  assert.notEqual(await keyOf('two'), key)
  await restoreBackup(backup, join(directory, 'two', 'data', 'freenet6.db'), { now: new Date(0) })
  assert.equal(await keyOf('two'), key)
})
