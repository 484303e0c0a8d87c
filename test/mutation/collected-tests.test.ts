import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as shim from './collected-tests.ts'
import { type CollectedTest, collect, runTests } from './collected-tests.ts'

/** Collects what `define` says, runs it, and returns what was called in order. */
async function calledBy(define: (note: (word: string) => () => void) => void) {
  const called: string[] = []
  const note = (word: string) => () => void called.push(word)
  const tests = await collect(async () => define(note))
  await runTests(tests, async (_test, run) => {
    await run()
    return true
  })
  return { tests, called }
}

test('hooks are called around the tests of their suite, and of the suites within', async () => {
  const { tests, called } = await calledBy(note => {
    shim.beforeEach(note('each'))
    shim.describe('outer', () => {
      shim.before(note('before'))
      shim.after(note('after'))
      shim.afterEach(note('afterEach'))
      shim.suite('inner', () => shim.test('one', note('one')))
      shim.test('two', note('two'))
    })
    shim.test('three', note('three'))
  })
  assert.deepEqual(
    tests.map(({ name }) => name),
    ['outer › inner › one', 'outer › two', 'three'],
  )
  const expected = 'before each one afterEach each two afterEach each three after'
  assert.equal(called.join(' '), expected)
})

test('a test that is skipped, and one without a body, is told as that', async () => {
  const tests = await collect(async () => {
    shim.test('skipped', { skip: 'no fping' }, () => {})
    shim.test('to do')
    shim.test('run', { skip: false }, () => {})
  })
  assert.deepEqual(
    tests.map(({ isSkipped }) => isSkipped),
    [true, true, false],
  )
})

test('after a test that ends the run no other is run, and hooks are', async () => {
  const called: string[] = []
  const note = (word: string) => () => void called.push(word)
  const tests: readonly CollectedTest[] = await collect(async () => {
    shim.after(note('after'))
    shim.test('one', note('one'))
    shim.test('two', note('two'))
  })
  await runTests(tests, async (_test, run) => {
    await run()
    return false
  })
  assert.deepEqual(called, ['one', 'after'])
})
