/** Stands in for node:test where tests are run many times in one process: it notes them, and runs nothing by itself. */
import { mock } from 'node:test'

type Body = (context: { readonly mock: typeof mock }) => unknown
type Hook = () => unknown

interface Options {
  readonly skip?: unknown
  readonly todo?: unknown
}

/** What hooks and names a suite brings to its tests; the outermost is the file. */
interface Suite {
  readonly name: string
  readonly outer: Suite | undefined
  readonly before: Hook[]
  readonly after: Hook[]
  readonly beforeEach: Hook[]
  readonly afterEach: Hook[]
}

export interface CollectedTest {
  readonly name: string
  readonly suite: Suite
  readonly isSkipped: boolean
  readonly body: Body
}

let collected: CollectedTest[] = []
let suite = newSuite('', undefined)

/** Evaluates a test file by `load`, and returns the tests that it holds. */
export async function collect(load: () => Promise<unknown>): Promise<readonly CollectedTest[]> {
  collected = []
  suite = newSuite('', undefined)
  await load()
  return collected
}

/** Runs some of a file's tests in their order, with their hooks, until `report` returns false. */
export async function runTests(
  tests: readonly CollectedTest[],
  report: (test: CollectedTest, run: () => Promise<void>) => Promise<boolean>,
): Promise<void> {
  const begun = new Set<Suite>()
  try {
    for (const test of tests) {
      const suites = suitesAround(test.suite)
      const goesOn = await report(test, async () => {
        for (const one of suites) if (!begun.has(one)) await callAll(one.before, () => begun.add(one))
        await runOne(test, suites)
      })
      if (!goesOn) return
    }
  } finally {
    for (const one of [...begun].reverse()) await callAll(one.after)
  }
}

async function runOne(test: CollectedTest, suites: readonly Suite[]): Promise<void> {
  for (const { beforeEach } of suites) await callAll(beforeEach)
  try {
    await test.body({ mock })
  } finally {
    mock.restoreAll()
    for (const { afterEach } of suites.toReversed()) await callAll(afterEach)
  }
}

async function callAll(hooks: readonly Hook[], first?: () => void): Promise<void> {
  first?.()
  for (const hook of hooks) await hook()
}

/** From the outermost inwards. */
function suitesAround(inner: Suite): readonly Suite[] {
  return inner.outer === undefined ? [inner] : [...suitesAround(inner.outer), inner]
}

function newSuite(name: string, outer: Suite | undefined): Suite {
  return { name, outer, before: [], after: [], beforeEach: [], afterEach: [] }
}

export function test(name: string, ...rest: readonly (Options | Body)[]): void {
  const body = rest.find(part => typeof part === 'function')
  const options = rest.find(part => typeof part === 'object')
  const names = suitesAround(suite).map(one => one.name)
  const isSkipped = Boolean(options?.skip || options?.todo || body === undefined)
  collected.push({
    name: [...names, name].filter(Boolean).join(' › '),
    suite,
    isSkipped,
    body: body ?? (() => {}),
  })
}

export function describe(name: string, ...rest: readonly (Options | (() => void))[]): void {
  const body = rest.find(part => typeof part === 'function')
  const outer = suite
  suite = newSuite(name, outer)
  try {
    body?.()
  } finally {
    suite = outer
  }
}

export const before = (hook: Hook): void => void suite.before.push(hook)
export const after = (hook: Hook): void => void suite.after.push(hook)
export const beforeEach = (hook: Hook): void => void suite.beforeEach.push(hook)
export const afterEach = (hook: Hook): void => void suite.afterEach.push(hook)
export { describe as suite, test as it }
