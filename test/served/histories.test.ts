import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { History } from '../../src/observation/history.ts'
import { HistoryFile } from '../../src/observation/history-file.ts'
import { utcSeconds } from '../../src/shared/clock.ts'
import { SILENT } from '../lifecycle/world.ts'
import { startServer } from '../spawn.ts'

test('the process takes the histories of the one before, and writes them when it ends', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-histories-'))
  const directory = join(dir, 'data')
  mkdirSync(directory)
  const file = join(directory, 'histories')
  const then = utcSeconds() - 600
  const history = new History({ now: () => then })
  history.record({ answered: new Map([['sometunnel', 12]]), silent: [] })
  await new HistoryFile({ file, directory, history, log: SILENT }).save({
    pauseMs: 0,
    signal: new AbortController().signal,
  })
  const before = readFileSync(file)
  {
    await using server = await startServer({ dir })
    while (!server.stderr.includes('histories read')) await sleep(20)
    assert.equal(await server.stop(), 0)
  }
  const after = readFileSync(file)
  assert.ok(after.length >= before.length - 10 && after.includes('sometunnel'))
  assert.notDeepEqual(after, before, 'it is written again')
})
