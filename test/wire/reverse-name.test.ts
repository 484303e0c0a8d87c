import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { reverseName } from '../../src/address/reverse-name.ts'
import { parseName } from '../../src/wire/name.ts'
import { reverseOwner } from '../../src/wire/reverse-name.ts'

test('the owner in wire form is the text of the same address, read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), address => {
      assert.deepEqual(Uint8Array.from(reverseOwner(address)), parseName(`${reverseName(address)}.`))
    }),
  )
})
