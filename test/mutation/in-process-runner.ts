/**
 * A test runner for StrykerJS that runs the tests of a pure room again and again in one process: nine tenths of what a
 * short test file takes is the start of Node. A file is evaluated anew for each mutant, so that what it and its helpers
 * build outside of tests is built with the mutant; the code under test is loaded once, and switches mutants by itself.
 */
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CollectedTest, collect, runTests } from './collected-tests.ts'

/** What StrykerJS's instrumented code reads and writes. */
interface Instrumented {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: {
    static: Record<string, number>
    perTest: Record<string, Record<string, number>>
  }
}

interface TestResult {
  readonly id: string
  readonly name: string
  readonly fileName: string
  readonly timeSpentMs: number
  readonly status: number
  readonly failureMessage?: string
}

interface MutantRun {
  readonly activeMutant: { readonly id: string }
  readonly testFilter?: readonly string[]
  readonly hitLimit?: number
}

interface StrykerOptions {
  readonly inProcess: {
    readonly testFiles: readonly string[]
    /** Tests that are not run: FILE › SUITE › TEST. */
    readonly leftOut: readonly string[]
  }
}

/** TestStatus of StrykerJS. */
const STATUS = { success: 0, failed: 1, skipped: 2 }
const COLLECTED_TESTS = pathToFileURL(join(import.meta.dirname, 'collected-tests.ts')).href
/** Read by the instrumented code of a child process or a thread. */
const ACTIVE_MUTANT = '__STRYKER_ACTIVE_MUTANT__'
const ANEW = '?anew='

class InProcessRunner {
  readonly #files: readonly string[]
  readonly #leftOut: ReadonlySet<string>
  readonly #instrumented: Instrumented = {}
  #evaluations = 0
  #fail: (error: unknown) => void = () => {}

  constructor({ testFiles, leftOut }: StrykerOptions['inProcess']) {
    this.#files = testFiles
    this.#leftOut = new Set(leftOut)
    Object.assign(globalThis, { __stryker__: this.#instrumented })
    registerHooks({ resolve: resolveAnew })
    process.on('uncaughtException', error => this.#fail(error))
    process.on('unhandledRejection', error => this.#fail(error))
  }

  capabilities(): object {
    return { reloadEnvironment: false }
  }

  /**
   * Runs all tests once. The first evaluation of the files loads the code under test too; what it covers beyond a second
   * one is code that runs when it is loaded, and no more.
   */
  async dryRun(): Promise<object> {
    const coverage = {
      static: {} as Record<string, number>,
      perTest: {} as Record<string, Record<string, number>>,
    }
    this.#instrumented.mutantCoverage = coverage
    for (const file of this.#files) await this.#evaluate(file)
    const loading = { ...coverage.static }
    const results: TestResult[] = []
    for (const file of this.#files) {
      this.#instrumented.currentTestId = file
      const tests = await this.#evaluate(file)
      await this.#run(file, tests, result => {
        results.push(result)
        return true
      })
      const evaluation = coverage.perTest[file] ?? {}
      delete coverage.perTest[file]
      for (const [mutant, hits] of Object.entries(evaluation)) loading[mutant] = (loading[mutant] ?? 0) - hits
      for (const test of tests) {
        const id = idOf(file, test)
        coverage.perTest[id] = sumOf(coverage.perTest[id] ?? {}, evaluation)
      }
    }
    const isStatic = ([, hits]: [string, number]) => hits > 0
    coverage.static = Object.fromEntries(Object.entries(loading).filter(isStatic))
    return { status: 'complete', tests: results, mutantCoverage: coverage }
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRun): Promise<object> {
    Object.assign(this.#instrumented, { activeMutant: activeMutant.id, hitCount: 0, hitLimit })
    process.env[ACTIVE_MUTANT] = activeMutant.id
    const wanted = testFilter === undefined ? undefined : new Set(testFilter)
    let nrOfTests = 0
    let failed: TestResult | undefined
    for (const file of this.#files) {
      if (wanted !== undefined && ![...wanted].some(id => id.startsWith(`${file} `))) continue
      try {
        const tests = (await this.#evaluate(file)).filter(test => wanted?.has(idOf(file, test)) ?? true)
        await this.#run(file, tests, result => {
          nrOfTests++
          if (result.status === STATUS.failed) failed = result
          return failed === undefined
        })
      } catch (error) {
        failed = { id: file, ...failure(error) } as TestResult // the file itself
      }
      if (failed !== undefined) break
    }
    if (hitLimit !== undefined && (this.#instrumented.hitCount ?? 0) > hitLimit)
      return { status: 'timeout', reason: 'it is run over and over' }
    if (failed === undefined) return { status: 'survived', nrOfTests }
    return { status: 'killed', killedBy: [failed.id], failureMessage: failed.failureMessage ?? '', nrOfTests }
  }

  async #evaluate(file: string): Promise<readonly CollectedTest[]> {
    const url = `${pathToFileURL(join(process.cwd(), file)).href}${ANEW}${this.#evaluations++}`
    const tests = await collect(() => this.#orFault(import(url)))
    return tests.filter(test => !this.#leftOut.has(idOf(file, test)))
  }

  /** Runs tests of a file until `take` returns false. */
  #run(file: string, tests: readonly CollectedTest[], take: (result: TestResult) => boolean): Promise<void> {
    return runTests(tests, async (test, run) => {
      const id = idOf(file, test)
      this.#instrumented.currentTestId = id
      const start = performance.now()
      const outcome = test.isSkipped
        ? { status: STATUS.skipped }
        : await this.#orFault(run()).then(() => ({ status: STATUS.success }), failure)
      this.#instrumented.currentTestId = undefined
      return take({ id, name: id, fileName: file, timeSpentMs: performance.now() - start, ...outcome })
    })
  }

  /** As `work` ends, unless an error that nobody has caught comes first. */
  #orFault<T>(work: Promise<T>): Promise<T> {
    const fault = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    fault.catch(() => {})
    return Promise.race([work, fault])
  }
}

function idOf(file: string, { name }: CollectedTest): string {
  return `${file} › ${name}`
}

function failure(error: unknown): Pick<TestResult, 'status' | 'failureMessage'> {
  return { status: STATUS.failed, failureMessage: error instanceof Error ? error.message : String(error) }
}

function sumOf(
  hits: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...hits }
  for (const [mutant, count] of Object.entries(more)) sum[mutant] = (sum[mutant] ?? 0) + count
  return sum
}

/** A test's helpers are evaluated anew with it; whatever it imports from src is not. */
function resolveAnew(
  specifier: string,
  context: { readonly parentURL?: string | undefined },
  next: (specifier: string) => { url: string },
): { url: string; shortCircuit?: boolean } {
  const [, evaluation] = (context.parentURL ?? '').split(ANEW)
  if (evaluation === undefined) return next(specifier)
  if (specifier === 'node:test') return { url: COLLECTED_TESTS, shortCircuit: true }
  const resolved = next(specifier)
  const isHelper = resolved.url.startsWith(pathToFileURL(join(process.cwd(), 'test/')).href)
  return isHelper ? { ...resolved, url: `${resolved.url}${ANEW}${evaluation}` } : resolved
}

function createRunner(options: StrykerOptions): InProcessRunner {
  return new InProcessRunner(options.inProcess)
}
createRunner.inject = ['options'] as const

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', factory: createRunner }]
