import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { LAYOUTS } from './kernel-view.ts'
import { IS_WHOLE_LAB } from './whole-lab.ts'

const SUITE = join(import.meta.dirname, 'layouts.guest.ts')
const TEST_TIMEOUT_MS = 950_000

const skip = await missingGuest()

/** The story of the other layout is told in any run. */
for (const layout of IS_WHOLE_LAB ? LAYOUTS : (['shared'] as const)) {
  test(`the layout ${layout} passes its table of cases on a real kernel`, {
    skip: skip ?? false,
    timeout: TEST_TIMEOUT_MS,
  }, async t => {
    const run = await runInGuest([SUITE, layout])
    for (const [line] of run.output.matchAll(/mended within .*/g)) t.diagnostic(line)
    assert.equal(run.status, 0, run.output)
  })
}
