import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingPackages } from '../packages.ts'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { IS_WHOLE_LAB } from './whole-lab.ts'

const SUITE = join(import.meta.dirname, 'home.guest.ts')

const skip = (await missingPackages(['radvd', 'wg', 'dig'])) ?? (await missingGuest())

for (const mode of IS_WHOLE_LAB ? ['shared', 'per-tunnel', 'wireguard'] : ['shared']) {
  test(`a home has a routed prefix on a real kernel: ${mode}`, { skip: skip ?? false }, async () => {
    const run = await runInGuest([SUITE, mode, ...(IS_WHOLE_LAB ? ['every-length'] : [])])
    assert.equal(run.status, 0, run.output)
  })
}
