import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldLines, textTable } from '../../src/operator/text-table.ts'

const HOSTILE = 'a\nstate: active\u001b[2J\u009b\u007f'

test('a note that has lines of its own stays on one', () => {
  assert.equal(fieldLines({ note: HOSTILE, n: 1 }), 'note: a\\nstate: active\\u001b[2J\\u009b\\u007f\nn: 1\n')
  assert.equal(textTable([['x', HOSTILE]]), 'x  a\\nstate: active\\u001b[2J\\u009b\\u007f\n')
})
