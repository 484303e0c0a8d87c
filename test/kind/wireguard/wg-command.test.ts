import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineOf } from '../../../src/kind/wireguard/wg-command.ts'

test('a change of some peers is given up sooner than what goes through all of them', () => {
  assert.equal(deadlineOf(['set', 'fn6-wg', 'peer', 'KEY', 'remove']), 15_000)
  assert.equal(deadlineOf(['show', 'fn6-wg', 'listen-port']), 15_000)
  assert.equal(deadlineOf(['show', 'fn6-wg', 'dump']), 60_000)
  assert.equal(deadlineOf(['syncconf', 'fn6-wg', '/run/peers']), 60_000)
})
