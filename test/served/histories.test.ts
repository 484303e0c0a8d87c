import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { History } from '../../src/observation/history.ts'
import { HistoryFile } from '../../src/observation/history-file.ts'
import { utcSeconds } from '../../src/shared/clock.ts'
import { SILENT } from '../lifecycle/world.ts'
import { runCli, startServer } from '../spawn.ts'
import { until } from '../until.ts'

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
    await until(() => server.stderr.includes('histories read'))
    assert.equal(await server.stop(), 0)
  }
  const after = readFileSync(file)
  assert.ok(after.length >= before.length - 10 && after.includes('sometunnel'))
  assert.notDeepEqual(after, before, 'it is written again')
})

test('the status page knows what came before a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-turnover-'))
  const config = '[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n'
  const rows = async (web: string) =>
    /<tbody>\s*(<tr><td>[^<]*<\/td><td>\d+<\/td><td>\d+<\/td><\/tr>)/.exec(
      (await (await fetch(`${web}/status`)).text()).split('turnover-title').at(-1) ?? '',
    )?.[1]
  for (const known of [1, 2]) {
    await using server = await startServer({ dir, config })
    const words = ['tunnel', 'add', `192.0.2.${known}0`, `n${known}`, 'ca', 'linux']
    assert.equal((await runCli([...words, '--config', join(dir, 'freenet6.toml')])).code, 0)
    assert.match((await rows(server.web)) ?? '', new RegExp(`<td>${known}</td><td>0</td>`))
    assert.equal(await server.stop(), 0)
  }
})
