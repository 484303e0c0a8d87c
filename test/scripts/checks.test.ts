/** What a page tells a visitor to type before there is a tunnel: it must work for who is not root. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, type TestContext, test } from 'node:test'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import { type Command, cannot, requirePackages } from '../packages.ts'
import { LINUX_SYSTEMS, SYSTEMS, UNIX_SYSTEMS } from './render.ts'

const SYSTEMS_THERE = OperatingSystems.load()
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', 'env', '-i', 'PATH=/usr/bin:/bin']
/** What the command for each Linux says on Debian, be the module and the service there or not. */
const SAID = {
  linux: /^ip utility/m,
  debian: /^ifup version/m,
  netplan: /^\/usr\/s?bin\/netplan$/m,
  'systemd-networkd': /^(in)?active$|not been booted with systemd/m,
  networkmanager: /STATE|NetworkManager is not running|NMClient/,
} as const
const NEEDED: readonly Command[] = ['ip', 'ifup', 'netplan', 'nmcli']

describe('the systems', () => {
  test('are the eighteen of the contract and the phones, each in a place of its own', () => {
    assert.deepEqual([...SYSTEMS_THERE.idsOf('sit')].sort(), [...SYSTEMS].sort())
    assert.equal(SYSTEMS.length, 18)
    const phones = SYSTEMS_THERE.all.filter(({ files }) => !files.has('sit'))
    assert.deepEqual(phones.map(({ id }) => id).sort(), ['android', 'ios'])
    assert.equal(new Set(SYSTEMS_THERE.all.map(({ order }) => order)).size, 20)
  })

  for (const { id, needs, checks, manuals } of SYSTEMS_THERE.all) {
    test(`${id} says what it needs, how to see that, and where its manual is`, () => {
      assert.ok(needs.length >= 2 && checks.length >= 1 && manuals.length >= 1)
      for (const check of checks)
        assert.doesNotMatch(Object.values(check).join(), /sudo|doas|kldload|modprobe/)
    })
  }
})

describe('the check', () => {
  for (const system of UNIX_SYSTEMS) {
    test(`for ${system} is a line that a shell reads`, () => {
      const { status, stderr } = spawnSync('sh', ['-n', '-c', checkOf(system)], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    })
  }

  for (const system of LINUX_SYSTEMS) {
    test(`for ${system} finds its tools as an ordinary user`, async t => {
      if (!(await isReady(t))) return
      const ran = spawnSync('setpriv', [...NOBODY, 'sh', '-c', checkOf(system)], { encoding: 'utf8' })
      assert.match(ran.stdout + ran.stderr, SAID[system])
      assert.doesNotMatch(ran.stderr, /not found$|Permission denied/m)
    })
  }
})

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root, to become an ordinary user'))
  return false
}

function checkOf(id: string): string {
  const [check] = SYSTEMS_THERE.find(id)?.checks ?? []
  return check !== undefined && 'command' in check ? check.command : ''
}
