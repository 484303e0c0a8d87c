/**
 * The scripts of systems whose tunnels systemd-networkd keeps, run unmodified in the lab's guest with the real daemon.
 *
 *   uml-run -- node --test --test-isolation=none test/lab/daemon-systems.guest.ts
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { runQuietly } from './narrator.ts'
import { assertUpDownUp, makeWorld } from './script-client.ts'

before(makeWorld)
after(() => runQuietly('client', ['sh', '-c', 'kill "$(cat /run/networkd.pid)"']))

for (const system of ['systemd-networkd', 'netplan'] as const) {
  describe(`the scripts for ${system}, with the real daemon`, () => {
    test('up makes the tunnel, down takes it back, up makes it again', () => assertUpDownUp(system))

    test('down leaves no file', () => {
      for (const folder of ['/etc/systemd/network', '/etc/netplan'])
        assert.deepEqual(
          readdirSync(folder).filter(file => file.includes('freenet6')),
          [],
        )
    })
  })
}
