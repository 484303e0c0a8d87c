import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseName } from '../../src/wire/name.ts'

test('a character that stands for no octet makes a text no name: it would be another one', () => {
  assert.equal(parseName('\u9e40.example'), undefined)
  assert.equal(parseName('\u0161'), undefined)
  assert.deepEqual(parseName('\u00fc'), Uint8Array.of(1, 0xfc, 0))
})
