import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'
import { ACTIONS, ODD, render, SYSTEMS, template, UNIX_SYSTEMS, USUAL } from './render.ts'

const SHELLS = ['dash', 'bash', 'busybox'] as const
const ALL_VALUES = [USUAL, ...ODD]

for (const system of SYSTEMS) {
  describe(`the templates for ${system}`, () => {
    for (const part of [...ACTIONS, 'notes'] as const) {
      test(`${part} uses the given values only and leaves nothing unrendered`, () => {
        for (const values of ALL_VALUES) {
          const text = render(system, part, values)
          assert.doesNotMatch(text, /\{\{|\}\}|undefined|\[object/)
          assert.doesNotMatch(text, /[^\x20-\x7e\r\n]/, 'plain ASCII, no tabs')
          assert.ok(text.endsWith('\n'))
        }
      })
    }

    test('up names both ends, both addresses and the MTU', () => {
      const values = { ...USUAL, mtu: 1400 }
      const text = render(system, 'up', values)
      for (const value of [
        values.ipv4Server,
        values.ipv4Client,
        values.ipv6Server,
        values.ipv6Client,
        '1400',
      ]) {
        assert.ok(text.includes(value), value)
      }
    })

    test('notes are a few lines, each a step', () => {
      const lines = render(system, 'notes', USUAL).trimEnd().split('\n')
      assert.ok(lines.length >= 7 && lines.length <= 11, `${lines.length} lines`)
      for (const line of lines) assert.match(line, /^\S.*\S$/)
    })

    test('notes say how to check and undo, how it lasts, what the firewall and the MTU need, and what to do when the address changes', () => {
      const text = render(system, 'notes', USUAL)
      assert.match(text, /ping/)
      assert.match(text, /To undo/)
      assert.match(text, /restart/)
      assert.match(text, /^Firewall: /m)
      assert.match(text, /^MTU: .*\b1480\b/m)
      assert.match(text, /When your IPv4 address changes/)
    })
  })
}

for (const system of UNIX_SYSTEMS) {
  describe(`the scripts for ${system}`, () => {
    for (const action of ACTIONS) {
      test(`${action} is a POSIX shell script with Unix line ends`, () => {
        const text = render(system, action, USUAL)
        assert.match(text, /^#!\/bin\/sh\n/)
        assert.doesNotMatch(text, /\r/)
      })

      for (const shell of SHELLS) {
        test(`${action} is read by ${shell} for every value`, async t => {
          if (shell === 'busybox' && !(await requirePackages(t, ['busybox']))) return
          for (const values of ALL_VALUES) {
            const read = syntaxCheck(shell, render(system, action, values))
            assert.equal(read.status, 0, read.stderr)
          }
        })
      }

      test(`${action} has nothing that shellcheck minds`, async t => {
        if (!(await requirePackages(t, ['shellcheck']))) return
        const arguments_ = ['--shell=sh', '--exclude=SC2317', '-']
        const found = spawnSync('shellcheck', arguments_, {
          input: render(system, action, USUAL),
          encoding: 'utf8',
        })
        assert.equal(found.stdout, '')
      })

      test(`${action} refuses to work without root and changes nothing`, t => {
        if (process.getuid?.() !== 0 || isMissing('setpriv'))
          return t.skip(cannot('this needs root and setpriv'))
        const asNobody = ['--reuid=65534', '--clear-groups', 'sh', '-s']
        const ran = spawnSync('setpriv', asNobody, { input: render(system, action, USUAL), encoding: 'utf8' })
        assert.equal(ran.status, 1)
        assert.match(ran.stdout, /^freenet6: /, 'says what it would do')
        assert.match(ran.stderr, /this needs root/)
      })
    }

    test('a script cut short in the transfer does nothing', () => {
      const text = render(system, 'up', USUAL)
      const cut = text.slice(0, text.lastIndexOf('main'))
      const ran = spawnSync('sh', ['-s'], { input: cut, encoding: 'utf8' })
      assert.equal(ran.stdout + ran.stderr, '')
    })
  })
}

describe('the scripts for windows', () => {
  test('say a path between quotation marks alone: one with a bracket would end the block that says it', () => {
    for (const action of ['up', 'down'] as const)
      for (const kind of ['sit', 'wireguard'] as const) {
        const text = template('windows', kind, action)
        assert.doesNotMatch(text, /^ *echo [^"\n]*%(?:CONF|WIREGUARD)%/m, `${kind} ${action}`)
      }
  })

  for (const [kind, action] of [
    ...ACTIONS.map(action => ['sit', action] as const),
    ...ACTIONS.map(action => ['wireguard', action] as const),
  ]) {
    test(`${action} of ${kind} has CRLF line ends throughout, as cmd.exe needs for its labels`, () => {
      const text = template('windows', kind, action)
      assert.doesNotMatch(text, /[^\r]\n/)
      assert.match(text, /^@echo off\r\n/)
    })

    test(`${action} of ${kind} has every label that it jumps to`, () => {
      const text = template('windows', kind, action)
      const labels = new Set(text.match(/^:\w+/gm))
      for (const [, label] of text.matchAll(/(?:goto|call) (:\w+)/g))
        assert.ok(labels.has(label ?? ''), label)
    })
  }
})

function isMissing(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0
}

function syntaxCheck(
  shell: (typeof SHELLS)[number],
  text: string,
): { status: number | null; stderr: string } {
  const [command, ...leading] = shell === 'busybox' ? ['busybox', 'sh'] : [shell]
  return spawnSync(command, [...leading, '-n'], { input: text, encoding: 'utf8' })
}
