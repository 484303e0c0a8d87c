import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { suite, test } from 'node:test'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import { Templates } from '../../src/portal/templates.ts'
import { TunnelScripts } from '../../src/portal/tunnel-scripts.ts'
import { requirePackages } from '../packages.ts'
import { USUAL, WIREGUARD_FACTS } from './render.ts'

const FACTS = {
  origin: USUAL.origin,
  serverIpv4: USUAL.ipv4Server,
  mtu: 1480,
  publicUrl: USUAL.publicUrl,
  wireguard: WIREGUARD_FACTS,
}
const VALUES = { ...USUAL, mtu: 1420, ipv4Client: '', publicKey: Buffer.alloc(32, 9).toString('base64') }
const systems = OperatingSystems.load()
const scripts = new TunnelScripts(FACTS, systems, new Templates())

function render(os: string, part: 'up' | 'down' | 'notes'): string {
  return scripts.render(VALUES, { os, kind: 'wireguard', part }) ?? ''
}

for (const os of systems.idsOf('wireguard')) {
  const isShell = systems.find(os)?.ending === 'sh'

  suite(`WireGuard on ${os}`, () => {
    test('up names the server’s key and endpoint, and notes tell the steps', () => {
      assert.ok(render(os, 'up').includes(VALUES.serverPublicKey))
      assert.ok(render(os, 'up').includes(VALUES.endpoint))
      assert.match(render(os, 'notes'), /private key/)
      assert.ok(render(os, 'notes').trimEnd().split('\n').length >= 4)
    })

    for (const part of ['up', 'down'] as const) {
      test(`${part} leaves nothing unrendered`, () => assert.doesNotMatch(render(os, part), /\{\{|\}\}/))

      test(`${part} has nothing that shellcheck minds`, { skip: !isShell && 'no shell script' }, async t => {
        if (!(await requirePackages(t, ['shellcheck']))) return
        const options = ['--shell=sh', '--exclude=SC2034', '-'] // shared values that not every script needs
        const { status, stdout } = spawnSync('shellcheck', options, {
          input: render(os, part),
          encoding: 'utf8',
        })
        assert.equal(status, 0, stdout)
      })
    }
  })
}
