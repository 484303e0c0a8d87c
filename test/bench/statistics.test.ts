import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile } from '../../bench/statistics.ts'

test('the median of an odd number of values is the middle one, of an even number the mean of two', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 2, 100]), 3)
})

test('a percentile is the smallest value that so many do not exceed', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.equal(percentile(values, 0.5), 50)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile([7], 0.01), 7)
})

test('nothing measured has no median and no percentile', () => {
  assert.ok(Number.isNaN(median([])))
  assert.ok(Number.isNaN(percentile([], 0.5)))
})
