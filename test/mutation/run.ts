/**
 * A mutation run over a room: StrykerJS changes one line at a time and runs the room's tests. What survives is a line
 * that no test is about.
 *
 *     node test/mutation/run.ts ROOM[/FILE.ts] [TEST_FILE …]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

const HERE = import.meta.dirname
const ROOT = join(HERE, '..', '..')
const STRYKER = join(HERE, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
const WORK = join(tmpdir(), 'freenet6-mutation')

/** Suites besides test/ROOM that are about a room. */
const FURTHER_SUITES: Readonly<Record<string, readonly string[]>> = {
  engine: ['rfc'],
  wire: ['rfc'],
  text: ['zone-file'],
  lifecycle: ['monitor'],
  store: ['lifecycle'],
  tunnel: ['lifecycle', 'store'],
}

function testFiles(room: string): readonly string[] {
  const suites = [room, ...(FURTHER_SUITES[room] ?? [])]
  return suites.flatMap(suite => globSync(`test/${suite}/**/*.test.ts`, { cwd: ROOT }))
}

function install(): void {
  if (existsSync(STRYKER)) return
  const { status } = spawnSync('npm', ['ci', '--prefix', HERE], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

function configure(what: string, tests: readonly string[]): string {
  mkdirSync(WORK, { recursive: true })
  const file = join(WORK, 'stryker.json')
  const settings = {
    testRunner: 'tap',
    plugins: [join(HERE, 'node_modules', '@stryker-mutator', 'tap-runner', 'dist', 'src', 'index.js')],
    tap: { testFiles: tests, nodeArgs: ['--test-reporter=tap'] },
    mutate: [what.endsWith('.ts') ? `src/${what}` : `src/${what}/**/*.ts`],
    coverageAnalysis: 'perTest',
    concurrency: availableParallelism(),
    tsconfigFile: 'none', // it would be read by an interface that TypeScript 7 has no more
    checkers: [],
    reporters: ['clear-text'],
    tempDirName: join(WORK, 'sandbox'),
    ignorePatterns: ['docs', 'bench', 'test/mutation'],
  }
  writeFileSync(file, JSON.stringify(settings))
  return file
}

const [what, ...given] = process.argv.slice(2)
if (what === undefined) {
  process.stderr.write('usage: node test/mutation/run.ts ROOM[/FILE.ts] [TEST_FILE …]\n')
  process.exit(2)
}
const tests = given.length > 0 ? given : testFiles(what.split('/')[0] ?? '')
if (tests.length === 0) {
  process.stderr.write(`there are no tests for ${what}\n`)
  process.exit(2)
}
install()
const { status } = spawnSync(process.execPath, [STRYKER, 'run', configure(what, tests)], {
  cwd: ROOT,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
