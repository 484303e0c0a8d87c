import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { VERSION } from '../../src/shared/version.ts'
import { runCli } from '../spawn.ts'

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-json-'))
})
after(() => rmSync(directory, { recursive: true }))

test('serve --json says what is wrong with its configuration in a problem document', async () => {
  const config = join(directory, 'freenet6.toml')
  writeFileSync(config, '[dns]\nttl = "x"\nthreads = 0\n')
  const { code, stdout, stderr } = await runCli(['serve', '--json', '--config', config])
  assert.deepEqual([code, stderr], [2, ''])
  const document = JSON.parse(stdout)
  assert.deepEqual([document.code, document.errors.length], ['configuration', 2])
})

test('--version --json is an object', async () => {
  const { code, stdout } = await runCli(['--version', '--json'])
  assert.deepEqual([code, JSON.parse(stdout)], [0, { version: VERSION }])
})
