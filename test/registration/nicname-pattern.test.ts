import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesPattern } from '../../src/registration/nicname-pattern.ts'

const CASES: readonly (readonly [pattern: string, nicname: string, matches: boolean])[] = [
  ['admin', 'admin', true],
  ['admin', 'admin2', false],
  ['admin*', 'admin2', true],
  ['admin*', 'admin', true],
  ['*bank', 'mybank', true],
  ['*bank', 'banker', false],
  ['*bank*', 'banker', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['**x', 'x', true],
]

for (const [pattern, nicname, matches] of CASES)
  test(`${pattern} ${matches ? 'is' : 'is not'} ${nicname}`, () =>
    assert.equal(matchesPattern(pattern, nicname), matches))

test('a pattern is what a regular expression makes of it', () => {
  const letter = fc.constantFrom('a', 'b', '-')
  const pattern = fc.string({ unit: fc.oneof(letter, fc.constant('*')), maxLength: 7 })
  const nicname = fc.string({ unit: letter, maxLength: 9 })
  fc.assert(
    fc.property(pattern, nicname, (wanted, name) => {
      const expression = new RegExp(`^${wanted.replaceAll('*', '.*')}$`)
      assert.equal(matchesPattern(wanted, name), expression.test(name))
    }),
    { numRuns: 2000 },
  )
})

test('a pattern of many stars takes no longer than its length times that of the name', () => {
  const pattern = `${'a*'.repeat(31)}b`
  const start = process.cpuUsage().user
  for (let n = 0; n < 1000; n++) assert.ok(!matchesPattern(pattern, 'a'.repeat(63)))
  assert.ok(process.cpuUsage().user - start < 20_000_000, 'microseconds; by backtracking it would be years')
})
