/**
 * Runs all suites, as `npm test` does: two files at a time, and beside them the walk through faults, which mostly waits.
 * What the walk says comes last. Arguments go to both runners.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join, sep } from 'node:path'
import { text } from 'node:stream/consumers'

const ROOT = join(import.meta.dirname, '..')
const WALK = join('test', 'chaos') + sep
/** A file that takes longer hangs. */
const RUNNER = ['--test', '--test-timeout=600000', ...process.argv.slice(2)]

const files = globSync('test/**/*.test.ts', { cwd: ROOT })
const walk = run(
  files.filter(file => file.startsWith(WALK)),
  'pipe',
)
const others = run(['--test-concurrency=2', ...files.filter(file => !file.startsWith(WALK))], 'inherit')
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const runner of [walk, others]) runner.kill(signal)
  })

const said = walk.stdout === null ? '' : text(walk.stdout)
const statuses = await Promise.all([walk, others].map(ended))
process.stdout.write(await said)
process.exitCode = statuses.every(status => status === 0) ? 0 : 1

function run(args: readonly string[], stdout: 'pipe' | 'inherit'): ChildProcess {
  return spawn(process.execPath, [...RUNNER, ...args], { cwd: ROOT, stdio: ['ignore', stdout, 'inherit'] })
}

/** Its exit status; null after a signal. */
async function ended(runner: ChildProcess): Promise<number | null> {
  await once(runner, 'exit')
  return runner.exitCode
}
