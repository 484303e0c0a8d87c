import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { suite, test } from 'node:test'
import { OperatingSystems, requirementsOf } from '../../src/portal/operating-systems.ts'
import { cannot, requirePackages } from '../packages.ts'
import { ACTIONS, ODD_WIREGUARD, renderWireguard, USUAL_WIREGUARD, WIREGUARD_SYSTEMS } from './render.ts'

const VALUES = USUAL_WIREGUARD
const ALL_VALUES = [VALUES, ...ODD_WIREGUARD]
const SHELLS = [['dash'], ['bash'], ['busybox', 'sh']] as const
const systems = OperatingSystems.load()

for (const os of WIREGUARD_SYSTEMS) {
  const isShell = systems.find(os)?.ending === 'sh'

  suite(`WireGuard on ${os}`, () => {
    test('up names both ends’ addresses and the server’s key and endpoint', () => {
      const up = renderWireguard(os, 'up')
      const { serverPublicKey, endpointHost, endpointPort, ipv6Client, ipv6Server } = VALUES
      // The apps of phones ping nothing, and Windows takes the keepalive from the saved configuration.
      const ends = ['android', 'ios'].includes(os) ? [ipv6Client] : [ipv6Client, ipv6Server]
      for (const value of [serverPublicKey, endpointHost, String(endpointPort), ...ends])
        assert.ok(up.includes(value), value)
    })

    test('notes tell the steps: key, check, undo, and what happens when the address changes', () => {
      const notes = renderWireguard(os, 'notes')
      assert.match(notes, /private key/i)
      assert.match(notes, /Check by yourself/)
      assert.match(notes, /To undo/)
      assert.match(notes, /When your own address changes, nothing has to be done/)
      assert.ok(notes.includes(VALUES.publicKey))
      const lines = notes.trimEnd().split('\n')
      assert.ok(lines.length >= 4 && lines.length <= 12, `${lines.length} lines`)
      for (const line of lines) assert.match(line, /^\S.*\S$/)
    })

    for (const part of [...ACTIONS, 'notes'] as const) {
      test(`${part} leaves nothing unrendered, in plain ASCII`, () => {
        for (const values of ALL_VALUES) {
          const text = renderWireguard(os, part, values)
          assert.doesNotMatch(text, /\{\{|\}\}|undefined|\[object/)
          assert.doesNotMatch(text, /[^\x20-\x7e\r\n]/)
          assert.ok(text.endsWith('\n'))
        }
      })
    }

    if (isShell) aboutShell(os)
  })
}

function aboutShell(os: string): void {
  for (const action of ACTIONS) {
    test(`${action} has nothing that shellcheck minds`, async t => {
      if (!(await requirePackages(t, ['shellcheck']))) return
      const options = ['--shell=sh', '--exclude=SC2034,SC2317', '-'] // shared values that not every script needs
      for (const values of ALL_VALUES) {
        const found = spawnSync('shellcheck', options, {
          input: renderWireguard(os, action, values),
          encoding: 'utf8',
        })
        assert.equal(found.stdout, '')
      }
    })

    for (const [shell, ...leading] of SHELLS) {
      test(`${action} is read by ${shell} for every value`, async t => {
        if (shell === 'busybox' && !(await requirePackages(t, ['busybox']))) return
        for (const values of ALL_VALUES) {
          const input = renderWireguard(os, action, values)
          assert.equal(spawnSync(shell, [...leading, '-n'], { input, encoding: 'utf8' }).stderr, '')
        }
      })
    }

    test(`${action} refuses to work without root and changes nothing`, t => {
      if (process.getuid?.() !== 0) return t.skip(cannot('this needs root, to become an ordinary user'))
      const asNobody = ['--reuid=65534', '--clear-groups', 'sh', '-s']
      const ran = spawnSync('setpriv', asNobody, { input: renderWireguard(os, action), encoding: 'utf8' })
      assert.equal(ran.status, 1)
      assert.match(ran.stdout, /^freenet6: /, 'says what it would do')
      assert.match(ran.stderr, /this needs root/)
    })
  }

  test('a script cut short in the transfer does nothing', () => {
    const text = renderWireguard(os, 'up')
    const cut = text.slice(0, text.lastIndexOf('main'))
    const ran = spawnSync('sh', ['-s'], { input: cut, encoding: 'utf8' })
    assert.equal(ran.stdout + ran.stderr, '')
  })
}

suite('where a private key is made', () => {
  for (const id of WIREGUARD_SYSTEMS)
    test(`the form for ${id} names the file that the notes name, unless the system has a way of its own`, () => {
      for (const language of systems.languages) {
        const system = systems.in(language).find(id) ?? assert.fail(id)
        const { needs, key_file } = requirementsOf(system, 'wireguard')
        const [noted] = /\/[\w./-]+\/freenet6\.key/.exec(renderWireguard(id, 'notes')) ?? []
        const hasOwnWay = needs.some(need => /WireGuard key:|clé WireGuard/.test(need))
        assert.equal(key_file, hasOwnWay ? undefined : noted, language)
      }
    })
})
