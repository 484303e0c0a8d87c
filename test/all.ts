/**
 * Runs all suites, as `npm test` does, in three streams side by side: the guests of the lab one after the other, since each
 * works all the time; the walk through faults, which mostly waits; and three at a time of all others, whose words are
 * passed on as they come. What the first two say comes behind, and a sum of all last. Arguments go to all runners.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { COMPILED } from './compiled.ts'

type Runner = ChildProcessByStdio<null, Readable, null>

const ROOT = join(import.meta.dirname, '..')
const [GUESTS, WALK] = ['lab', 'chaos'].map(folder => join('test', folder) + sep)
/** A file that takes longer hangs. */
const RUNNER = ['--test', '--test-timeout=1800000', ...process.argv.slice(2)]
/** A line of a runner's summary, whichever reporter writes it. */
const COUNT = /^(?:ℹ|#) (pass|fail|cancelled|skipped) (\d+)$/gm

const streams = Map.groupBy(globSync('test/**/*.test.ts', { cwd: ROOT }), file =>
  [GUESTS, WALK].find(folder => folder !== undefined && file.startsWith(folder)),
)
const others = run(3, streams.get(undefined))
const runners = [others, run(1, streams.get(GUESTS)), run(1, streams.get(WALK))]
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const runner of runners) runner.kill(signal)
  })

others.stdout.pipe(process.stdout, { end: false })
const said = runners.map(({ stdout }) => text(stdout))
const statuses = await Promise.all(runners.map(ended))
const texts = await Promise.all(said)
for (const behind of texts.slice(1)) process.stdout.write(behind)
const counts = texts.flatMap(words => [...words.matchAll(COUNT)])
const total = (what: string) =>
  counts.reduce((sum, [, name, count]) => sum + (name === what ? Number(count) : 0), 0)
process.stdout.write(
  `${total('skipped')} skipped\n${total('pass')} passed, ${total('fail') + total('cancelled')} failed\n`,
)
process.exitCode = statuses.every(status => status === 0) ? 0 : 1

function run(atOnce: number, files: readonly string[] = []): Runner {
  return spawn(process.execPath, [...RUNNER, `--test-concurrency=${atOnce}`, ...files], {
    cwd: ROOT,
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Its exit status; null after a signal. */
async function ended(runner: Runner): Promise<number | null> {
  await once(runner, 'exit')
  return runner.exitCode
}
