import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingPackages } from '../packages.ts'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { missingNamespaces, runInNamespaces } from './own-namespaces.ts'
import { IS_WHOLE_LAB } from './whole-lab.ts'

const SUITE = join(import.meta.dirname, 'wireguard.guest.ts')
const BROWSER_SUITE = join(import.meta.dirname, 'browser-configuration.guest.ts')

const tools = await missingPackages(['wg', 'wireguard-go', 'ip', 'curl', 'ping', 'sqlite3'])

test('WireGuard of a real kernel passes its table of cases', {
  skip: tools ?? (await missingGuest()) ?? false,
}, async () => {
  const run = await runInGuest([SUITE, 'kernel', ...(IS_WHOLE_LAB ? ['many'] : [])])
  assert.equal(run.status, 0, run.output)
})

test('what a browser saves is taken by wg-quick as it is, and carries routed prefixes of every length', {
  skip: tools ?? (await missingPackages(['chromium'])) ?? missingNamespaces() ?? false,
}, () => {
  const run = runInNamespaces([BROWSER_SUITE])
  assert.equal(run.status, 0, run.stdout + run.stderr)
})

test('wireguard-go passes the same on this machine, in namespaces', {
  skip: tools ?? missingNamespaces() ?? false,
}, () => {
  const run = runInNamespaces([SUITE, 'wireguard-go', 'many'])
  assert.equal(run.status, 0, run.stdout + run.stderr)
})
