import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingPackages } from '../packages.ts'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { LAYOUTS } from './kernel-view.ts'

const TEST_TIMEOUT_MS = 950_000

const skip = await missingGuest()
const missingDaemons = skip ?? (await missingPackages(['ddclient', 'inadyn']))

for (const layout of LAYOUTS) {
  test(`no fault of our own costs a client its tunnel in the layout ${layout}`, options(skip), () =>
    passes('own-faults.guest.ts', layout),
  )
}

test('ddclient and inadyn lead their tunnels through a change of address', options(missingDaemons), () =>
  passes('daemons.guest.ts'),
)

async function passes(suite: string, ...args: readonly string[]): Promise<void> {
  const run = await runInGuest([join(import.meta.dirname, suite), ...args])
  assert.equal(run.status, 0, run.output)
}

function options(reason: string | undefined) {
  return { skip: reason ?? false, timeout: TEST_TIMEOUT_MS }
}
