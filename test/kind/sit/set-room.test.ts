import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prefix } from '../../../src/address/prefix.ts'
import { parsePrefix } from '../../../src/address/prefix.ts'
import { setRoom } from '../../../src/kind/sit/set-room.ts'

const at = (text: string) => parsePrefix(text) as Prefix

test('a set has room for every link of the prefix and for every routed prefix, and for some on their way out', () => {
  const prefix = at('2001:db8:f6::/52')
  assert.equal(setRoom({ prefix, routed: undefined }), 4096 + 1000)
  assert.equal(
    setRoom({ prefix, routed: { prefix: at('2001:db8:8000::/44'), length: 56 } }),
    4096 + 4096 + 1000,
  )
})

test('a prefix with more room than any kernel should set memory aside for is bounded', () => {
  assert.equal(
    setRoom({
      prefix: at('2001:db8::/32'),
      routed: { prefix: at('2001:db9::/32'), length: 64 },
    }),
    131_072 + 1000,
  )
})
