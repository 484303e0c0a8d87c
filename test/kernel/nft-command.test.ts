import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineOf } from '../../src/kernel/nft-command.ts'

const SECONDS = 1000

test('a change of one tunnel, and a look at the rules alone, are given up soon: what comes after them waits', () => {
  assert.equal(deadlineOf(['-f', '-'], 'add element ip freenet6 tunnels { 192.0.2.1 . 0x1 }\n'), 15 * SECONDS)
  assert.equal(deadlineOf(['-t', 'list', 'table', 'ip', 'freenet6'], ''), 15 * SECONDS)
  assert.equal(
    deadlineOf(['get', 'element', 'ip', 'freenet6', 'tunnels', '{ 192.0.2.1 . 0x1 }'], ''),
    15 * SECONDS,
  )
})

test('what reads or changes a whole set may take longer', () => {
  assert.equal(deadlineOf(['list', 'set', 'ip', 'freenet6', 'tunnels'], ''), 60 * SECONDS)
  assert.equal(deadlineOf(['-f', '-'], 'x'.repeat(100_000)), 60 * SECONDS)
})
