/**
 * Runs all suites, as `npm test` does: three files at a time, since many wait more than they work, and beside them the walk through faults, which mostly waits.
 * What the walk says comes behind the others, and a sum of both last. Arguments go to both runners.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

const ROOT = join(import.meta.dirname, '..')
const WALK = join('test', 'chaos') + sep
/** A file that takes longer hangs. */
const RUNNER = ['--test', '--test-timeout=600000', ...process.argv.slice(2)]

/** A line of a runner's summary, whichever reporter writes it. */
const COUNT = /^(?:ℹ|#) (pass|fail|cancelled|skipped) (\d+)$/gm

const files = globSync('test/**/*.test.ts', { cwd: ROOT })
const walk = run(files.filter(file => file.startsWith(WALK)))
const others = run(['--test-concurrency=3', ...files.filter(file => !file.startsWith(WALK))])
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const runner of [walk, others]) runner.kill(signal)
  })

others.stdout.pipe(process.stdout, { end: false })
const [ofWalk, ofOthers, ...statuses] = await Promise.all([
  text(walk.stdout),
  text(others.stdout),
  ended(walk),
  ended(others),
])
process.stdout.write(ofWalk)
const summaries = [ofWalk, ofOthers].flatMap(said => [...said.matchAll(COUNT)])
const total = (what: string) =>
  summaries.reduce((sum, [, name, count]) => sum + (name === what ? Number(count) : 0), 0)
process.stdout.write(
  `${total('skipped')} skipped\n${total('pass')} passed, ${total('fail') + total('cancelled')} failed\n`,
)
process.exitCode = statuses.every(status => status === 0) ? 0 : 1

type Runner = ChildProcessByStdio<null, Readable, null>

function run(args: readonly string[]): Runner {
  return spawn(process.execPath, [...RUNNER, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Its exit status; null after a signal. */
async function ended(runner: Runner): Promise<number | null> {
  await once(runner, 'exit')
  return runner.exitCode
}
