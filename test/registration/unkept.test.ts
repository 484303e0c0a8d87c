import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unkept } from '../../src/registration/unkept.ts'
import { problem } from '../../src/shared/problem.ts'
import { Words } from '../../src/words/words.ts'

test('beside a tunnel that was registered or moved nothing is said to be unchanged', () => {
  const problems = [
    problem('storage-busy', { seconds: 5 }),
    problem('storage-full', {}),
    problem('storage-fault', { seconds: 5 }),
    problem('table-full', {}),
    problem('interface-fault', { reason: 'no room' }),
  ]
  const english = Words.load().byTag('en') ?? assert.fail('no English')
  for (const one of problems) assert.match(english.detail(one), /Nothing was changed/)
  for (const one of unkept(problems)) assert.doesNotMatch(english.detail(one), /Nothing was changed/)
  const other = problem('email-none', {})
  assert.deepEqual(unkept([other]), [other])
})
