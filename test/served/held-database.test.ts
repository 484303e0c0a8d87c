import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Database } from '../../src/store/sqlite/database.ts'
import { configText, runCli, startServer } from '../spawn.ts'

/** As long as an offline command has the database, and a start takes to come to it. */
const COMMAND_MS = 4000

/** A directory with a configuration, and its database, which this process has as a command would. */
function heldDirectory() {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-held-'))
  const config = join(dir, 'freenet6.toml')
  writeFileSync(config, configText(''))
  mkdirSync(join(dir, 'data'))
  const database = Database.open(join(dir, 'data', 'freenet6.db'))
  return { dir, config, database, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
}

test('a start waits for a command that has the database, and says so', async () => {
  using held = heldDirectory()
  const starting = startServer({ dir: held.dir })
  await Promise.race([sleep(COMMAND_MS), starting])
  held.database.close()
  await using server = await starting
  assert.match(server.stderr, new RegExp(`"processes":\\[${process.pid}\\].*it is waited for`))
})

test('a start names the process that does not let go of the database', async () => {
  using held = heldDirectory()
  const { code, stderr } = await runCli(['serve', '--config', held.config], { dir: held.dir })
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`another freenet6 process \\(${process.pid}\\) holds `))
  held.database.close()
})

test('a second start beside a process that serves is refused without a wait', async () => {
  await using server = await startServer()
  const { code, stderr } = await runCli(['serve', '--config', join(server.dir, 'freenet6.toml')])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`another freenet6 process \\(${server.pid}\\) holds `))
  assert.doesNotMatch(stderr, /it is waited for/)
})

test('a restore waits for a command that has the database', async () => {
  using held = heldDirectory()
  const backup = join(held.dir, 'whole.db')
  await held.database.backUp(backup)
  const restoring = runCli(['restore', backup, '--config', held.config], { dir: held.dir })
  await Promise.race([sleep(COMMAND_MS), restoring])
  held.database.close()
  const { code, stderr } = await restoring
  assert.equal(code, 0, stderr)
  assert.match(stderr, new RegExp(`another command \\(${process.pid}\\) has the database`))
})
