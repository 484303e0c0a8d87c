import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { missingPackages } from '../packages.ts'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { missingNamespaces, runInNamespaces } from './own-namespaces.ts'
import { IS_WHOLE_LAB } from './whole-lab.ts'

const SUITE = join(import.meta.dirname, 'restart.guest.ts')
const MANY = IS_WHOLE_LAB ? '10' : '0'

const tools =
  noBatches || (await missingPackages(['wg', 'wireguard-go', 'ip', 'nft', 'curl', 'ping', 'sqlite3']))

test('no echo is lost through wireguard-go while the service is restarted, and killed, on this machine', {
  skip: tools || missingNamespaces() || false,
}, () => {
  const run = runInNamespaces([SUITE, 'wireguard-go', MANY])
  assert.equal(run.status, 0, run.stdout + run.stderr)
})

test('nor through sit and WireGuard of a real kernel', {
  skip: IS_WHOLE_LAB ? tools || (await missingGuest()) || false : 'npm run lab:all',
}, async () => {
  const run = await runInGuest([SUITE, 'kernel', '2'])
  assert.equal(run.status, 0, run.output)
})
