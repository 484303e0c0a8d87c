import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { render, USUAL } from './render.ts'

/**
 * Stand-ins for the tools of a BSD system: each writes its call down, and answers what a script asks about from files.
 * They show that the scripts ask for the right things in the right order; they are no kernel.
 */
const TOOLS: Readonly<Record<string, string>> = {
  id: 'echo 0',
  uname: 'echo Darwin',
  kldload: ':',
  ping6: ':',
  ipconfig: 'echo 10.0.0.5',
  sysrc: `case $1 in
  -qn) cat "$STATE/rc.$2" 2>/dev/null || exit 1 ;;
  -x | -qx) rm -f "$STATE/rc.$2" ;;
  *=*) printf '%s' "\${1#*=}" > "$STATE/rc.\${1%%=*}" ;;
esac`,
  ifconfig: `case $# in
  0) cat "$STATE/addresses" ;;
  1) [ -e "$STATE/$1" ] && cat "$STATE/$1" ;;
  *) case "$2 $3" in
    'create ') : > "$STATE/$1" ;;
    'destroy ' | 'deletetunnel ') rm -f "$STATE/$1" ;;
    tunnel*) echo "	tunnel inet $3 --> $4" > "$STATE/$1" ;;
    'inet ') cat "$STATE/addresses" ;;
    inet6*-alias) : ;;
  esac ;;
esac`,
  route: `case "$*" in
  '-n get -inet6 default') cat "$STATE/default6" 2>/dev/null || exit 1 ;;
  '-n get '*) echo '  interface: em0' ;;
  '-n add -inet6 default '*) echo "    gateway: $5" > "$STATE/default6" ;;
  '-n delete -inet6 default '*) rm "$STATE/default6" 2>/dev/null || exit 1 ;;
esac`,
}

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-scripts-'))
  mkdirSync(join(dir, 'bin'))
  for (const [tool, body] of Object.entries(TOOLS)) {
    const file = join(dir, 'bin', tool)
    writeFileSync(file, `#!/bin/sh\necho "${tool} $*" >> "$STATE/calls"\n${body}\n`)
    chmodSync(file, 0o755)
  }
  writeFileSync(join(dir, 'addresses'), `\tinet ${USUAL.ipv4Client} netmask 0xffffff00\n`)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('the scripts for freebsd', () => {
  test('up makes the tunnel now and in rc.conf', () => {
    const { stdout, calls } = run('freebsd', 'up')
    assert.match(stdout, /the tunnel works/)
    assertInOrder(calls, [
      'ifconfig gif0 create',
      'ifconfig gif0 tunnel 192.0.2.2 192.0.2.1',
      'ifconfig gif0 mtu 1480 up',
      'ifconfig gif0 inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
      'sysrc cloned_interfaces+=gif0',
      'sysrc ifconfig_gif0=tunnel 192.0.2.2 192.0.2.1 mtu 1480',
      'sysrc ifconfig_gif0_ipv6=inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
      'route -n add -inet6 default 2001:db8:f6:1::1',
      'sysrc ipv6_defaultrouter=2001:db8:f6:1::1',
      'ping6 -c 1 2001:db8:f6:1::1',
    ])
  })

  test('up a second time succeeds', () => {
    run('freebsd', 'up')
    assert.doesNotMatch(run('freebsd', 'up').calls, /gif0 create|route -n add/)
  })

  test('up leaves a default route that is there already', () => {
    writeFileSync(join(dir, 'default6'), '    gateway: fe80::1%em0\n')
    const { stdout, calls } = run('freebsd', 'up')
    assert.match(stdout, /left as it is/)
    assert.doesNotMatch(calls, /route -n add|sysrc ipv6_defaultrouter/)
  })

  test('down takes everything back, and succeeds a second time', () => {
    run('freebsd', 'up')
    assertInOrder(run('freebsd', 'down').calls, [
      'sysrc -x ifconfig_gif0',
      'sysrc -qx ifconfig_gif0_ipv6',
      'sysrc cloned_interfaces-=gif0',
      'sysrc -x ipv6_defaultrouter',
      'route -n delete -inet6 default 2001:db8:f6:1::1',
      'ifconfig gif0 destroy',
    ])
    assert.doesNotMatch(run('freebsd', 'down').calls, /destroy|sysrc -x/)
  })
})

describe('the scripts for macos', () => {
  test('up makes the tunnel', () => {
    assertInOrder(run('macos', 'up').calls, [
      'ifconfig gif0 create',
      'ifconfig gif0 tunnel 192.0.2.2 192.0.2.1',
      'ifconfig gif0 mtu 1480 up',
      'ifconfig gif0 inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
      'route -n add -inet6 default 2001:db8:f6:1::1',
      'ping6 -c 1 2001:db8:f6:1::1',
    ])
  })

  test('down takes everything back, and succeeds a second time', () => {
    run('macos', 'up')
    assertInOrder(run('macos', 'down').calls, [
      'route -n delete -inet6 default 2001:db8:f6:1::1',
      'ifconfig gif0 deletetunnel',
      'ifconfig gif0 down',
    ])
    assert.match(run('macos', 'down').stdout, /nothing to undo/)
  })
})

for (const system of ['freebsd', 'macos'] as const) {
  describe(`the scripts for ${system}, on a host that is not plain`, () => {
    test('up behind a NAT uses the address that packets leave from, and says so', () => {
      writeFileSync(join(dir, 'addresses'), '\tinet 10.0.0.5 netmask 0xffffff00\n')
      const { stdout, calls } = run(system, 'up')
      assert.match(stdout, /behind NAT: using its own address 10\.0\.0\.5\./)
      assert.match(calls, /ifconfig gif0 tunnel 10\.0\.0\.5 192\.0\.2\.1/)
    })

    test('up refuses, and down leaves alone, a gif0 that is another tunnel', () => {
      writeFileSync(join(dir, 'gif0'), '\ttunnel inet 192.0.2.2 --> 203.0.113.1\n')
      assert.match(run(system, 'up', 1).stderr, /gif0 is a tunnel to 203\.0\.113\.1 already/)
      assert.doesNotMatch(run(system, 'down').calls, /destroy|deletetunnel|-alias/)
    })
  })
}

function run(system: 'freebsd' | 'macos', action: 'up' | 'down', status = 0) {
  rmSync(join(dir, 'calls'), { force: true })
  const env = { STATE: dir, PATH: `${join(dir, 'bin')}:/usr/bin:/bin` }
  const input = render(system, action, USUAL)
  const ran = spawnSync('sh', ['-s'], { input, env, encoding: 'utf8' })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return { stdout: ran.stdout, stderr: ran.stderr, calls: readFileSync(join(dir, 'calls'), 'utf8') }
}

function assertInOrder(calls: string, expected: readonly string[]): void {
  const lines = calls.split('\n')
  assert.deepEqual(
    lines.filter(line => expected.includes(line)),
    expected,
    calls,
  )
}
