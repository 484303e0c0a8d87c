import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kernelTroubles } from '../src/measuring.ts'

const FILTER = 'no source filter, so no tunnels: nft is not there'
const MONITORS = `the kernel is not as tunnels need it: ${FILTER}`

test('what driver and monitor both miss is named once, and nothing is left out', () => {
  assert.deepEqual(kernelTroubles(MONITORS, FILTER), [MONITORS])
  assert.deepEqual(kernelTroubles(undefined, FILTER), [FILTER])
  assert.deepEqual(kernelTroubles('cut off', FILTER), ['cut off', FILTER])
  assert.deepEqual(kernelTroubles('cut off', undefined), ['cut off'])
  assert.deepEqual(kernelTroubles(undefined, undefined), [])
})
