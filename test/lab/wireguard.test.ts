import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cannot, missingPackages } from '../packages.ts'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'

const SUITE = join(import.meta.dirname, 'wireguard.guest.ts')
const LIMIT_SECONDS = 480
/** Each wireguard-go goes with them: it would outlive the suite. */
const NAMESPACES = ['-mnpf', '--propagation', 'private', '--kill-child', '--mount-proc']
/** A network and a /run of its own, so that its namespaces, interfaces and sockets are nobody else's. */
const ON_THE_HOST = 'mount -t tmpfs run /run && mkdir -p /run/netns /run/lock && exec "$@"'

const tools = await missingPackages(['wg', 'wireguard-go', 'ip', 'curl', 'ping', 'sqlite3'])
const canUnshare = spawnSync('unshare', ['-mn', 'true']).status === 0 && existsSync('/dev/net/tun')

test('WireGuard of a real kernel passes its table of cases', {
  skip: tools ?? (await missingGuest()) ?? false,
}, async () => {
  const run = await runInGuest([SUITE, 'kernel'], { limitSeconds: LIMIT_SECONDS })
  assert.equal(run.status, 0, run.output)
})

test('wireguard-go passes the same on this machine, in namespaces', {
  skip: tools ?? (canUnshare ? false : cannot('it takes root and /dev/net/tun')),
}, () => {
  const command = ['sh', '-c', ON_THE_HOST, 'sh', process.execPath, SUITE, 'wireguard-go']
  const env = { ...process.env, NODE_TEST_CONTEXT: '' } // it reports for itself
  const run = spawnSync('unshare', [...NAMESPACES, ...command], { encoding: 'utf8', env })
  assert.equal(run.status, 0, run.stdout + run.stderr)
})
