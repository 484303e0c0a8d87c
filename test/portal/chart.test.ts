import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { barChart, rowChart } from '../../src/portal/chart.ts'

const draw = (values: readonly (number | undefined)[], highest?: number) =>
  barChart({
    title: '<b>&',
    values,
    scale: top => `up to ${top}`,
    look: 'time',
    ...(highest === undefined ? {} : { highest }),
  }).toString()

test('a gap has no bar, nothing has one without height, and the highest value reaches the top', () => {
  const [, bars = ''] = /<path d="([^"]*)"/.exec(draw([undefined, 0, 5, 10])) ?? []
  assert.deepEqual(
    [...bars.matchAll(/V([\d.]+)H/g)].map(([, y]) => Number(y)),
    [100, 50, 0],
  )
})

test('words are escaped', () => {
  assert.match(draw([1]), /<title>&lt;b&gt;&amp;<\/title>/)
})

test('no values, whatever they are, make a number that is none', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined })), values => {
      assert.doesNotMatch(draw(values.filter(value => value !== Number.POSITIVE_INFINITY)), /NaN|undefined/)
    }),
  )
})

test('a row says its name and its number in words, and draws a bar that is seen for all but nothing', () => {
  const text = rowChart([
    { name: '<i>', value: 1000, words: '1,000' },
    { name: 'few', value: 1, words: '1' },
    { name: 'none', value: 0, words: '0' },
  ]).toString()
  assert.match(text, /<span>&lt;i&gt;<\/span>.*<span>1,000<\/span>/)
  const widths = [...text.matchAll(/H([\d.]+)V/g)].map(([, width]) => Number(width))
  assert.deepEqual(widths, [100, 2, 0])
})
