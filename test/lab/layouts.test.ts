import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'

const SUITE = join(import.meta.dirname, 'layouts.guest.ts')
const LIMIT_SECONDS = 280

const skip = await missingGuest()

test('both layouts pass one table of cases on a real kernel', { skip: skip ?? false }, async () => {
  const run = await runInGuest(['--test', '--test-isolation=none', SUITE], { limitSeconds: LIMIT_SECONDS })
  assert.equal(run.status, 0, run.output)
})
