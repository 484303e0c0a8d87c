/**
 * A mutation run over a room: StrykerJS changes one line at a time and runs the room's tests. What survives is a line
 * that no test is about.
 *
 *     node test/mutation/run.ts [--workers N] [--reports DIR] [--resume] ROOM[/FILE.ts] [TEST_FILE …]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { markdownTable } from '../../bench/markdown.ts'
import { livingPlaces, mergeReport, readReport, scoresOf, wholeScore } from './mutant-report.ts'

const HERE = import.meta.dirname
const ROOT = join(HERE, '..', '..')
const STRYKER = join(HERE, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
const WORK = join(tmpdir(), 'freenet6-mutation')
const USAGE =
  'node test/mutation/run.ts [--workers N] [--reports DIR] [--resume] ROOM[/FILE.ts] [TEST_FILE …]'

/** Rooms that touch nothing outside the process: their tests are run again and again in one. */
const PURE_ROOMS: readonly string[] = ['address', 'wire', 'text', 'zone', 'zone-file', 'engine']

/** Suites besides test/ROOM that are about a room. */
const FURTHER_SUITES: Readonly<Record<string, readonly string[]>> = {
  engine: ['rfc'],
  zone: ['rfc', 'zone-file'],
  wire: ['rfc'],
  text: ['zone-file'],
  lifecycle: ['monitor'],
  store: ['lifecycle'],
  tunnel: ['lifecycle', 'store'],
}

/** Files about sockets, and tests of seconds: nothing that is run for each of hundreds of mutants. */
const LEFT_OUT: readonly string[] = [
  'test/rfc/rfc7766.test.ts',
  'test/rfc/rfc9210.test.ts',
  'test/rfc/rfc8945.test.ts › hostile records › are survived, and no reply but to a good one has an answer',
  'test/rfc/rfc8945.test.ts › hostile records › made of random octets are survived',
  'test/engine/rate-limit.test.ts › a flood from everywhere leaves room for those who ask seldom',
  'test/zone/churn.test.ts',
  'test/zone/snapshot.test.ts › a snapshot that outlives too many commits is released by force, and its memory comes back',
]
/** A process is let go after this many mutants: each has left the modules of its evaluated tests behind. */
const MUTANTS_A_PROCESS = 150

interface Asked {
  /** ROOM, ROOM/FILE.ts or ROOM/{FILE,FILE}.ts. */
  readonly what: string
  readonly tests: readonly string[]
  readonly workers: number
  /** Whether files that have a report already are not measured again; what lives in them is. */
  readonly isResumed: boolean
  /** Directory for StrykerJS's reports. */
  readonly reports: string
}

const question = asked()
if (question === undefined) {
  process.stderr.write(`usage: ${USAGE}\n`)
  process.exit(2)
}
if (question.tests.length === 0) {
  process.stderr.write(`there are no tests for ${question.what}\n`)
  process.exit(2)
}
install()
const files = PURE_ROOMS.includes(roomOf(question.what)) ? measureInTwoSteps(question) : measure(question)
const reports = files.flatMap(file => readReport(file) ?? [])
const rows = [...reports.flatMap(scoresOf), wholeScore(reports)]
process.stdout.write(
  `${markdownTable(['file', 'mutants', 'killed', 'by time-out', 'of all', 'of those reached'], rows)}\n`,
)

function asked(): Asked | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: 'string' },
      reports: { type: 'string' },
      resume: { type: 'boolean', default: false },
    },
  })
  const [what, ...given] = positionals
  if (what === undefined) return undefined
  return {
    what,
    tests: given.length > 0 ? given : testFiles(roomOf(what)),
    workers: Number(values.workers ?? availableParallelism()),
    isResumed: values.resume,
    reports: resolve(values.reports ?? join(WORK, 'reports')),
  }
}

function testFiles(room: string): readonly string[] {
  const suites = [room, ...(FURTHER_SUITES[room] ?? [])]
  const files = suites.flatMap(suite => globSync(`test/${suite}/**/*.test.ts`, { cwd: ROOT }).toSorted())
  return files.filter(file => !LEFT_OUT.includes(file))
}

function install(): void {
  if (existsSync(STRYKER)) return
  const { status } = spawnSync('npm', ['ci', '--prefix', HERE], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

/**
 * Runs the test file that is named like the source, or the room's own tests if there is none, on every mutant, a source
 * at a time: instrumented code is several times slower. What lives is given to all tests. Returns the files of the
 * reports.
 */
function measureInTwoSteps(asked: Asked): readonly string[] {
  const room = roomOf(asked.what)
  const reports = sourcesIn(asked.what).map(source => {
    const report = reportOf(asked, source)
    const named = asked.tests.filter(test => test === `test/${source.replace(/\.ts$/, '.test.ts')}`)
    const own = asked.tests.filter(test => test.startsWith(`test/${room}/`))
    const tests = [named, own, asked.tests].find(choice => choice.length > 0) ?? []
    if (!asked.isResumed || !existsSync(report)) run({ ...asked, tests }, [`src/${source}`], report)
    return report
  })
  const living = reports.flatMap(file => livingPlaces(readReport(file) ?? { files: {} }))
  const again = reportOf(asked, `${room}_again`)
  if (living.length > 0 && run(asked, living, again)) {
    const later = readReport(again)
    for (const file of reports) if (later !== undefined) mergeReport(file, later)
  }
  return reports
}

/** Runs all tests on every mutant. */
function measure(asked: Asked): readonly string[] {
  const pattern = asked.what.endsWith('.ts') ? asked.what : `${asked.what}/**/*.ts`
  const report = reportOf(asked, asked.what)
  run(asked, [`src/${pattern}`], report)
  return [report]
}

function sourcesIn(what: string): readonly string[] {
  return globSync(what.endsWith('.ts') ? what : `${what}/**/*.ts`, { cwd: join(ROOT, 'src') }).toSorted()
}

function reportOf({ reports }: Asked, name: string): string {
  return join(reports, `${name.replaceAll(/[^a-z0-9.-]/g, '_')}.json`)
}

/** Returns whether there is a report. */
function run({ tests, workers, reports }: Asked, mutate: readonly string[], report: string): boolean {
  mkdirSync(WORK, { recursive: true })
  mkdirSync(reports, { recursive: true })
  const directory = mkdtempSync(join(WORK, 'run-'))
  const room = roomOf(mutate[0]?.replace('src/', '') ?? '')
  const settings = {
    ...(PURE_ROOMS.includes(room) ? inProcess(tests) : byTap(tests)),
    mutate,
    coverageAnalysis: 'perTest',
    concurrency: workers,
    timeoutMS: 10_000, // on a machine with other work a slow test is not an endless one
    tsconfigFile: 'none', // it would be read by an interface that TypeScript 7 has no more
    checkers: [],
    reporters: ['clear-text', 'json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    clearTextReporter: { logTests: false, reportTests: false, reportScoreTable: false },
    tempDirName: join(directory, 'sandbox'),
    ignorePatterns: ['docs', 'bench', 'test/mutation'],
  }
  const config = join(directory, 'stryker.json')
  writeFileSync(config, JSON.stringify(settings))
  try {
    const { status } = spawnSync(process.execPath, [STRYKER, 'run', config], { cwd: ROOT, stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
    return status === 0
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function inProcess(testFiles: readonly string[]): object {
  return {
    testRunner: 'in-process',
    plugins: [join(HERE, 'in-process-runner.ts')],
    inProcess: { testFiles, leftOut: LEFT_OUT },
    warnings: { unknownOptions: false },
    maxTestRunnerReuse: MUTANTS_A_PROCESS,
  }
}

function byTap(testFiles: readonly string[]): object {
  return {
    testRunner: 'tap',
    plugins: [join(HERE, 'node_modules', '@stryker-mutator', 'tap-runner', 'dist', 'src', 'index.js')],
    tap: { testFiles, nodeArgs: ['--test-reporter=tap'] },
  }
}

function roomOf(what: string): string {
  return what.split('/')[0] ?? ''
}
