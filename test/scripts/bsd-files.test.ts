/** Files that a system's owner has written, and that the scripts for the BSDs add lines to and take them from again. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { BSD_TOOLS, type BsdSystem, KERNELS } from './bsd-tools.ts'
import { render, USUAL } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'

const OWNERS_RULES = 'set skip on lo\nblock return\npass\n'
const OWNERS_SETTINGS = 'hostname=here\nsshd=YES\n'
/** Tools that fail, or stop half-way without a word as the BSDs' grep does on a full disk, once $STATE says so. */
const TOOLS = {
  ...BSD_TOOLS,
  grep: `case "$(cat "$STATE/grep" 2>/dev/null) $1" in
  'fails -v') exit 2 ;;
  'stops -v') if [ -f /dev/fd/1 ]; then /usr/bin/grep "$@" | head -n 1; exit 0; fi ;;
esac
exec /usr/bin/grep "$@"`,
  cat: `[ $# = 0 ] && [ -e "$STATE/cat-stops" ] || exec /usr/bin/cat "$@"
head -n 1
exit 1`,
}
const FILES = {
  freebsd: { file: 'pf.conf', text: OWNERS_RULES },
  openbsd: { file: 'pf.conf', text: OWNERS_RULES },
  netbsd: { file: 'rc.conf', text: OWNERS_SETTINGS },
} as const

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(TOOLS)
  host.remember('addresses', `\tinet ${USUAL.ipv4Client} netmask 0xffffff00\n`)
  host.remember('pf', '')
})
afterEach(() => host.end())

for (const system of ['freebsd', 'openbsd', 'netbsd'] as const) {
  const { file, text } = FILES[system]

  describe(`the owner's ${file} on ${system}`, () => {
    for (const end of ['fails', 'stops'])
      test(`is whole where the grep of the undo ${end}, and the next undo takes our lines out`, () => {
        host.write(file, text)
        run(system, 'up', { args: ['--firewall'] })
        const before = host.read(file)
        host.remember('grep', end)
        assert.match(
          run(system, 'down', { status: 1 }).stderr,
          new RegExp(`/etc/${file} can not be rewritten`),
        )
        assert.equal(host.read(file), before)
        host.remember('grep', '')
        run(system, 'down')
        assert.equal(host.read(file), text)
        assert.deepEqual(host.made, [file])
      })

    test('keeps its owner and mode, and a link to it stays a link', () => {
      const before = `mkdir -p /etc/own; [ -e /etc/own/${file} ] || {
printf '%s' '${text}' > /etc/own/${file}; chmod 640 /etc/own/${file}; chgrp 1 /etc/own/${file}; ln -s own/${file} /etc/${file}; }\n`
      const after = `readlink /etc/${file}; stat -c '%a %g' /etc/own/${file}`
      for (const [action, args] of [
        ['up', ['--firewall']],
        ['down', []],
      ] as const)
        assert.match(
          run(system, action, { args, before, after }).stdout,
          new RegExp(`^own/${file}\\n640 1\\n`, 'm'),
        )
      assert.equal(host.read(`own/${file}`), text)
      assert.deepEqual(
        host.made.filter(name => name.endsWith('freenet6')),
        [],
      )
    })

    test('gets lines of our own after a last line that has no end', () => {
      host.write(file, text.trimEnd())
      run(system, 'up', { args: ['--firewall'] })
      assert.ok(host.read(file).startsWith(text), host.read(file))
      run(system, 'down')
      assert.equal(host.read(file), text)
    })
  })
}

for (const system of ['freebsd', 'openbsd'] as const)
  test(`an undo for ${system} is finished where pf does not take what the owner has written since`, () => {
    host.write('pf.conf', OWNERS_RULES)
    run(system, 'up', { args: ['--firewall'] })
    host.remember('no-load', '')
    const { stderr } = run(system, 'down')
    assert.match(stderr, /pf does not take \/etc\/pf\.conf/)
    assert.deepEqual(host.made, ['pf.conf'])
    assert.equal(host.read('pf.conf'), OWNERS_RULES)
  })

for (const system of ['freebsd', 'openbsd'] as const)
  test(`an undo for ${system} that is interrupted leaves no pf.conf that loads a file that is gone`, () => {
    host.write('pf.conf', OWNERS_RULES)
    run(system, 'up', { args: ['--firewall'] })
    host.remember('grep', 'fails')
    run(system, 'down', { status: 1 })
    assert.ok(host.made.includes('pf.freenet6.conf'))
  })

describe('a file of our own that is written half-way', () => {
  for (const [system, file] of [
    ['openbsd', 'hostname.gif0'],
    ['netbsd', 'ifconfig.gif0'],
  ] as const)
    test(`is not read at the next start of ${system}, and goes with the undo`, () => {
      host.remember('cat-stops', '')
      run(system, 'up', { status: 1 })
      assert.ok(!host.made.includes(file))
      run(system, 'down')
      assert.deepEqual(host.made, [])
    })
})

test('pf that can not be turned on for FreeBSD is said to be so, and no tunnel is made without it', () => {
  const before = 'rm "$STATE/pf"; : > "$STATE/no-pf"\n'
  const { stderr, calls } = run('freebsd', 'up', { args: ['--firewall'], before, status: 1 })
  assert.match(stderr, /pf can not be turned on/)
  assert.doesNotMatch(calls, /gif0 create/)
  run('freebsd', 'down')
  assert.deepEqual(host.made, [])
})

describe('pf that can not be turned on for macOS', () => {
  test('is said to be so, and nothing is made', () => {
    host.remember('no-pf', '')
    const { stderr, calls } = run('macos', 'up', { args: ['--firewall'], status: 1 })
    assert.match(stderr, /pf can not be turned on/)
    assert.doesNotMatch(calls, /gif0 create/)
    assert.equal(host.recall('rules'), '')
    assert.deepEqual(host.made, [])
    assert.match(run('macos', 'up').stdout, /open to the whole IPv6 Internet/)
  })

  test('and is not let go is named by the undo', () => {
    const after = 'cat /var/run/freenet6.pf'
    assert.match(run('macos', 'up', { args: ['--firewall'], after }).stdout, /^4711$/m)
    host.remember('no-pf', '')
    const before = 'echo 4711 > /var/run/freenet6.pf'
    assert.match(run('macos', 'down', { before }).stdout, /pfctl -s References/)
  })
})

interface Expected {
  readonly args?: readonly string[]
  readonly before?: string
  readonly after?: string
  readonly status?: number
}

function run(system: BsdSystem, action: 'up' | 'down', expected: Expected = {}): HostRun {
  const { status = 0, before = '', ...options } = expected
  const ran = host.run(render(system, action, USUAL), {
    ...options,
    before: `export KERNEL=${KERNELS[system]}\n${before}`,
  })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return ran
}
