import assert from 'node:assert/strict'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from '../../src/store/sqlite/database.ts'
import { configText, runCli, startServer } from '../spawn.ts'
import { until } from '../until.ts'

/** A directory with a configuration, its database, which this process has as a command would, and what a program says. */
function heldDirectory() {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-held-'))
  const config = join(dir, 'freenet6.toml')
  writeFileSync(config, configText(''))
  mkdirSync(join(dir, 'data'))
  const database = Database.open(join(dir, 'data', 'freenet6.db'))
  const said = join(dir, 'said')
  const stderr = openSync(said, 'a')
  return {
    dir,
    config,
    database,
    stderr,
    /** How long a program takes to come to the database is the machine's affair: what it says there is waited for. */
    hears: (text: RegExp) => until(() => text.test(readFileSync(said, 'utf8')), `${text} is not said`),
    [Symbol.dispose]: () => {
      closeSync(stderr)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

test('a start waits for a command that has the database, and says so', async () => {
  using held = heldDirectory()
  const starting = startServer({ dir: held.dir, stderr: held.stderr })
  await Promise.race([
    starting.then(() => assert.fail('it did not wait')),
    held.hears(new RegExp(`"processes":\\[${process.pid}\\].*it is waited for`)),
  ])
  held.database.close()
  await using _ = await starting
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
  const { dir, stderr } = held
  const restoring = runCli(['restore', backup, '--config', held.config], { dir, stderr })
  await held.hears(new RegExp(`another command \\(${process.pid}\\) has the database`))
  held.database.close()
  assert.equal((await restoring).code, 0)
})
