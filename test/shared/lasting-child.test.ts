import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { LastingChild } from '../../src/shared/lasting-child.ts'
import { isRunning } from '../lab/processes-seen.ts'
import { until } from '../until.ts'

test('each line of a lasting child is heard, and it ends when it is stopped', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const lines: string[] = []
  const child = new LastingChild({
    command: 'sh',
    args: ['-c', 'echo one; echo "$LC_ALL"; echo $$; exec sleep 60'],
    heard: line => {
      lines.push(line)
      if (lines.length === 3) resolve(line)
    },
    restarted: () => assert.fail('it has not ended'),
  })
  const pid = Number(await promise)
  assert.deepEqual(lines.slice(0, 2), ['one', 'C'])
  child.stop()
  await until(() => !isRunning(pid), 'it lives on')
})

test('a child that was started again tells so, and where it is heard once more when it certainly hears', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-child-'))
  const restarts = { heard: 0, unheard: 0 }
  const children = (['heard', 'unheard'] as const).map(name => {
    const script = `test -e ${name} && exec sleep 60; touch ${name}`
    return new LastingChild({
      command: 'sh',
      args: ['-c', `cd ${directory}; ${script}`],
      ...(name === 'heard' ? { heard: () => undefined } : {}),
      restarted: () => {
        restarts[name]++
      },
    })
  })
  t.after(() => {
    for (const child of children) child.stop()
    rmSync(directory, { recursive: true })
  })
  await until(() => restarts.heard >= 2)
  assert.deepEqual(restarts, { heard: 2, unheard: 1 })
})

test('where no file descriptor is left no child starts and nothing breaks; a lasting one comes when there are some', async () => {
  const program = join(import.meta.dirname, 'out-of-files.ts')
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `ulimit -n 64; exec "${process.execPath}" "${program}"`,
  ])
  assert.equal(stdout, 'refused\nheard\n')
})
