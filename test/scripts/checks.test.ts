/** What a page tells a visitor to type before there is a tunnel: it must work for who is not root. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, type TestContext, test } from 'node:test'
import { OperatingSystems, requirementsOf } from '../../src/portal/operating-systems.ts'
import { type Command, cannot, requirePackages } from '../packages.ts'
import { LINUX_SYSTEMS, SYSTEMS } from './render.ts'

const SYSTEMS_THERE = OperatingSystems.load()
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', 'env', '-i', 'PATH=/usr/bin:/bin']
/** What the command for each Linux says on Debian, be the module and the service there or not. */
const SAID = {
  sit: {
    linux: /^ip utility/m,
    debian: /^ifup version/m,
    netplan: /^\/usr\/s?bin\/netplan$/m,
    'systemd-networkd': /^(in)?active$|not been booted with systemd/m,
    networkmanager: /STATE|NetworkManager is not running|NMClient/,
  },
  wireguard: {
    linux: /^wireguard-tools v/m,
    debian: /^wireguard-tools v/m,
    netplan: /^\/usr\/s?bin\/netplan\nwireguard-tools v/m,
    'systemd-networkd': /^wireguard-tools v/m,
    networkmanager: /^wireguard-tools v/m,
  },
} as const
const NEEDED: readonly Command[] = ['ip', 'ifup', 'netplan', 'nmcli', 'wg']

describe('the systems', () => {
  test('are those that the suites go through, the phones and OPNsense, each in a place of its own', () => {
    assert.deepEqual([...SYSTEMS_THERE.idsOf('sit')].sort(), [...SYSTEMS].sort())
    const others = SYSTEMS_THERE.all.filter(({ files }) => !files.has('sit'))
    assert.deepEqual(others.map(({ id }) => id).sort(), ['android', 'ios', 'opnsense'])
    assert.equal(new Set(SYSTEMS_THERE.all.map(({ order }) => order)).size, SYSTEMS_THERE.all.length)
  })

  test('have scripts for WireGuard but for those that have no WireGuard', () => {
    const without = SYSTEMS_THERE.ids.filter(id => !SYSTEMS_THERE.idsOf('wireguard').includes(id))
    assert.deepEqual(without.sort(), ['cisco-ios', 'edgeos', 'fortios', 'junos', 'netbsd', 'pfsense'])
  })

  for (const system of SYSTEMS_THERE.all) {
    for (const kind of system.files.keys())
      test(`${system.id} says what ${kind} needs, how to see that, and where its manual is`, () => {
        const { needs, checks, manuals } = requirementsOf(system, kind)
        assert.ok(needs.length >= 2 && checks.length >= 1 && manuals.length >= 1)
        for (const check of checks)
          assert.doesNotMatch(Object.values(check).join(), /sudo|doas|kldload|modprobe/)
      })
  }
})

describe('the check', () => {
  for (const kind of ['sit', 'wireguard'] as const) {
    for (const system of SYSTEMS_THERE.idsOf(kind).filter(id => SYSTEMS_THERE.find(id)?.ending === 'sh')) {
      test(`for ${kind} on ${system} is a line that a shell reads`, () => {
        const { status, stderr } = spawnSync('sh', ['-n', '-c', checkOf(system, kind)], { encoding: 'utf8' })
        assert.equal(status, 0, stderr)
      })
    }

    for (const system of LINUX_SYSTEMS) {
      test(`for ${kind} on ${system} finds its tools as an ordinary user`, async t => {
        if (!(await isReady(t))) return
        const shell = ['sh', '-c', checkOf(system, kind)]
        const ran = spawnSync('setpriv', [...NOBODY, ...shell], { encoding: 'utf8' })
        assert.match(ran.stdout + ran.stderr, SAID[kind][system])
        assert.doesNotMatch(ran.stderr, /not found$|Permission denied/m)
      })
    }
  }
})

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root, to become an ordinary user'))
  return false
}

function checkOf(id: string, kind = 'sit'): string {
  const system = SYSTEMS_THERE.find(id) ?? assert.fail(id)
  const [check] = requirementsOf(system, kind).checks
  return check !== undefined && 'command' in check ? check.command : ''
}
