import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, startServer } from '../spawn.ts'

test('backup and restore from the command line: a relative path is the command’s, and a running process forbids restore', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-backup-'))
  const elsewhere = mkdtempSync(join(tmpdir(), 'freenet6-backup-'))
  const config = ['--config', join(dir, 'freenet6.toml')]
  try {
    {
      await using server = await startServer({ dir })
      const made = await runCli(['backup', 'whole.db', ...config], { dir: elsewhere })
      assert.equal(made.code, 0, made.stderr)
      assert.equal(made.stdout, `${join(elsewhere, 'whole.db')}\n`)
      const again = await runCli(['backup', 'whole.db', '--json', ...config], { dir: elsewhere })
      assert.equal(again.code, 1)
      assert.match(again.stdout + again.stderr, /"backup-refused".*whole\.db is there already/)
      const refused = await runCli(['restore', 'whole.db', ...config], { dir: elsewhere })
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /another freenet6 process/)
      assert.equal(await server.stop(), 0)
    }
    const restored = await runCli(['restore', 'whole.db', '--json', ...config], { dir: elsewhere })
    assert.equal(restored.code, 0, restored.stderr)
    assert.equal(
      (JSON.parse(restored.stdout) as { database: string }).database,
      join(dir, 'data', 'freenet6.db'),
    )
    await using server = await startServer({ dir })
    assert.equal(await server.stop(), 0)
  } finally {
    rmSync(dir, { recursive: true, force: true })
    rmSync(elsewhere, { recursive: true, force: true })
  }
})
