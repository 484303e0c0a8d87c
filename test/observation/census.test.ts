import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Census } from '../../src/observation/census.ts'

const CANADA = { country: 'ca', new: 0, waiting: 1, active: 2, unreachable: 1 }
const FRANCE = { country: 'fr', new: 1, waiting: 0, active: 6, unreachable: 0 }

test('the figures are sums over the countries, the one with the most tunnels first', () => {
  const { byCountry, ...sums } = new Census(() => [CANADA, FRANCE]).figures() ?? assert.fail('figures')
  assert.deepEqual(sums, { tunnels: 11, answering: 8, countries: 2 })
  assert.deepEqual(
    byCountry.map(({ country }) => country),
    ['fr', 'ca'],
  )
})

test('a count is given again for five seconds, and longer if it took long', () => {
  let now = 0
  let counts = 0
  let cost = 0
  const census = new Census(
    () => {
      counts++
      now += cost
      return [CANADA]
    },
    () => now,
  )
  census.figures()
  now = 4999
  census.figures()
  assert.equal(counts, 1)
  now = 5000
  cost = 100
  census.figures()
  assert.equal(counts, 2)
  now += 9999
  census.figures()
  assert.equal(counts, 2)
  now++
  census.figures()
  assert.equal(counts, 3)
})

test('a table that can’t be read leaves the figures of before, or none', () => {
  let now = 0
  let isReadable = false
  const census = new Census(
    () => (isReadable ? [CANADA] : assert.fail('the disk')),
    () => now,
  )
  assert.equal(census.figures(), undefined)
  now += 10_000
  isReadable = true
  assert.equal(census.figures()?.tunnels, 4)
  now += 10_000
  isReadable = false
  assert.equal(census.figures()?.tunnels, 4)
})
