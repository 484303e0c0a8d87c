import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPrefix, type Prefix, parsePrefix } from '../../src/address/prefix.ts'
import { RoutedPool } from '../../src/tunnel/routed-pool.ts'

function prefix(text: string): Prefix {
  return parsePrefix(text) ?? assert.fail(text)
}

const RANGES = [
  ['2001:db8:8000::/34', 56, ['2001:db8:8000::/56', '2001:db8:8000:100::/56', '2001:db8:8000:200::/56']],
  ['2001:db8:8000::/40', 48, ['2001:db8:8000::/48', '2001:db8:8001::/48', '2001:db8:8002::/48']],
  ['2001:db8:8000::/56', 61, ['2001:db8:8000::/61', '2001:db8:8000:8::/61', '2001:db8:8000:10::/61']],
  ['2001:db8:8000::/60', 64, ['2001:db8:8000::/64', '2001:db8:8000:1::/64', '2001:db8:8000:2::/64']],
] as const

for (const [block, length, expected] of RANGES) {
  test(`a ${block} gives out /${length} after /${length}, and knows each again`, () => {
    const pool = new RoutedPool({ prefix: prefix(block), length })
    const indexes = expected.map(() => pool.take(0) ?? assert.fail('full'))
    const given = indexes.map(index => pool.assignment(index))
    assert.deepEqual(given.map(formatPrefix), expected)
    assert.deepEqual(
      given.map(one => pool.indexOf(one)),
      indexes,
    )
  })
}

test('a prefix of another length or another block is none of its own', () => {
  const pool = new RoutedPool({ prefix: prefix('2001:db8:8000::/34'), length: 56 })
  for (const text of ['2001:db8:8000::/57', '2001:db8:8000::/48', '2001:db8:4000::/56', '2001:db9::/56'])
    assert.equal(pool.indexOf(prefix(text)), undefined, text)
})

test('a block as long as its prefixes has one', () => {
  const pool = new RoutedPool({ prefix: prefix('2001:db8:8000::/56'), length: 56 })
  assert.deepEqual([pool.take(0), pool.take(0)], [0, undefined])
})
