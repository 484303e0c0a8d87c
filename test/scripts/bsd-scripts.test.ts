import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { BSD_TOOLS, type BsdSystem, KERNELS } from './bsd-tools.ts'
import { BSD_SYSTEMS, render, USUAL } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(BSD_TOOLS)
  host.remember('addresses', `\tinet ${USUAL.ipv4Client} netmask 0xffffff00\n`)
})
afterEach(() => host.end())

describe('the scripts for freebsd', () => {
  test('up makes the tunnel now and in rc.conf', () => {
    const { stdout, calls } = run('freebsd', 'up')
    assert.match(stdout, /the tunnel works/)
    assertInOrder(calls, [
      'ifconfig gif0 create',
      'ifconfig gif0 tunnel 192.0.2.2 192.0.2.1',
      'ifconfig gif0 mtu 1480 up',
      'ifconfig gif0 inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
      'sysrc ifconfig_gif0=tunnel 192.0.2.2 192.0.2.1 mtu 1480',
      'sysrc cloned_interfaces+=gif0',
      'route -n add -inet6 default 2001:db8:f6:1::1',
      'sysrc ipv6_defaultrouter=2001:db8:f6:1::1',
      'sysrc ifconfig_gif0_ipv6=inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
      'ping6 -c 1 2001:db8:f6:1::1',
    ])
  })

  test('up a second time succeeds', () => {
    run('freebsd', 'up')
    assert.doesNotMatch(run('freebsd', 'up').calls, /gif0 create|route -n add/)
  })

  test('up leaves a default route that is there already', () => {
    host.remember('default6', '    gateway: fe80::1%em0\n')
    const { stdout, calls } = run('freebsd', 'up')
    assert.match(stdout, /left as it is/)
    assert.doesNotMatch(calls, /route -n add|sysrc ipv6_defaultrouter/)
  })

  test('down takes everything back, and succeeds a second time', () => {
    run('freebsd', 'up')
    assertInOrder(run('freebsd', 'down').calls, [
      'sysrc -x ipv6_defaultrouter',
      'sysrc -qx ifconfig_gif0_ipv6',
      'sysrc cloned_interfaces-=gif0',
      'sysrc -x ifconfig_gif0',
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

const KEPT = {
  openbsd: [
    'hostname.gif0',
    'tunnel 192.0.2.2 192.0.2.1',
    '!ifconfig gif0 inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
  ],
  netbsd: [
    'ifconfig.gif0',
    'tunnel 192.0.2.2 192.0.2.1',
    'inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
  ],
} as const

for (const system of ['openbsd', 'netbsd'] as const) {
  const [file, ...lines] = KEPT[system]
  const defaultRoute = '!route -n add -inet6 default 2001:db8:f6:1::1'

  describe(`the scripts for ${system}`, () => {
    test('up makes the tunnel now and in the file that is read at start', () => {
      assertInOrder(run(system, 'up').calls, [
        'ifconfig gif0 create',
        'ifconfig gif0 tunnel 192.0.2.2 192.0.2.1',
        'ifconfig gif0 mtu 1480 up',
        'ifconfig gif0 inet6 2001:db8:f6:1::2 2001:db8:f6:1::1 prefixlen 128',
        'route -n add -inet6 default 2001:db8:f6:1::1',
        'ping6 -c 1 2001:db8:f6:1::1',
      ])
      assert.deepEqual(host.made, [file])
      const kept = host.read(file).split('\n')
      for (const line of [...lines, 'mtu 1480', defaultRoute]) assert.ok(kept.includes(line), line)
    })

    test('up a second time leaves the same file', () => {
      run(system, 'up')
      const first = host.read(file)
      assert.doesNotMatch(run(system, 'up').calls, /gif0 create|route -n add/)
      assert.equal(host.read(file), first)
    })

    test('up leaves a default route that is there already, at the next start too', () => {
      host.remember('default6', '    gateway: fe80::1%em0\n')
      assert.match(run(system, 'up').stdout, /left as it is/)
      assert.ok(!host.read(file).includes(defaultRoute))
    })

    test('up refuses another system', () => {
      const ran = host.run(render(system, 'up', USUAL), { before: 'export KERNEL=Linux' })
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, /there are others for other systems/)
    })

    test('down takes everything back, and succeeds a second time', () => {
      run(system, 'up')
      assertInOrder(run(system, 'down').calls, [
        'route -n delete -inet6 default 2001:db8:f6:1::1',
        'ifconfig gif0 destroy',
      ])
      assert.deepEqual(host.made, [])
      assert.doesNotMatch(run(system, 'down').calls, /destroy/)
    })
  })
}

for (const system of BSD_SYSTEMS)
  test(`up for ${system} finds the tools of root where cron, which looks in two folders, runs it`, () => {
    const before = `export KERNEL=${KERNELS[system]}; PATH=$STATE/bin:/usr/bin:/bin`
    const path = 'PATH of the script: '
    const text = render(system, 'up', USUAL).replace('main "$@"', `echo "${path}$PATH"; main "$@"`)
    assert.match(host.run(text, { before }).stdout, new RegExp(`${path}.*:/sbin$`, 'm'))
  })

const OWNERS_RULES = 'set skip on lo\nblock return\npass\n'

describe('pf, with --firewall', () => {
  for (const system of ['freebsd', 'openbsd'] as const) {
    test(`keeps the owner's rules on ${system}, loads ours once, and goes without a trace`, () => {
      host.remember('pf', '')
      host.write('pf.conf', OWNERS_RULES)
      for (const args of [['--firewall'], []])
        assert.match(run(system, 'up', { args }).stdout, /the firewall lets in through gif0/)
      assert.equal(host.read('pf.conf').split(OWNERS_RULES)[1]?.split('\n').length, 3)
      assertClosed(host.recall('rules'))
      for (const _ of [1, 2]) run(system, 'down')
      assert.equal(host.read('pf.conf'), OWNERS_RULES)
      assert.deepEqual(host.made, ['pf.conf'])
    })
  }

  test('rules of that file for another interface are no wish for a firewall here', () => {
    for (const system of ['freebsd', 'openbsd'] as const) {
      host.write('pf.freenet6.conf', 'block in quick on wg0 inet6\n')
      assert.match(run(system, 'up').stdout, /open to the whole IPv6 Internet/)
      assert.equal(host.read('pf.freenet6.conf'), 'block in quick on wg0 inet6\n')
    }
  })

  test('is turned on where FreeBSD has no rules at all, and off again', () => {
    run('freebsd', 'up', { args: ['--firewall'] })
    assertClosed(host.recall('rules'))
    assert.equal(host.recall('rc.pf_enable'), 'YES')
    assertInOrder(run('freebsd', 'down').calls, ['pfctl -d', 'sysrc -x pf_enable'])
    assert.deepEqual(host.made, [])
  })

  test('is refused where it is off and rules lie ready that nobody may expect', () => {
    host.write('pf.conf', OWNERS_RULES)
    for (const system of ['freebsd', 'openbsd'] as const) {
      assert.match(run(system, 'up', { args: ['--firewall'], status: 1 }).stderr, /turn (it|pf) on first/)
      assert.equal(host.read('pf.conf'), OWNERS_RULES)
    }
  })

  test("stands below Apple's anchor on macOS and goes from there", () => {
    run('macos', 'up', { args: ['--firewall'] })
    assertClosed(host.recall('rules'))
    host.remember('rules', '') // a restart, after which the script runs without options
    run('macos', 'up')
    assertClosed(host.recall('rules'))
    run('macos', 'down')
    assert.equal(host.recall('rules'), '')
    assert.deepEqual(host.made, [])
  })
})

describe('npf, with --firewall', () => {
  test('is set up where there is none, and goes again', () => {
    const { calls } = run('netbsd', 'up', { args: ['--firewall'] })
    assertInOrder(calls, [
      'npfctl validate /etc/npf.conf.freenet6',
      'npfctl reload /etc/npf.conf.freenet6',
      'npfctl start',
    ])
    assert.match(host.read('npf.conf'), /group "freenet6" on gif0 \{[^}]*block in final all\n\}/)
    assert.match(host.read('rc.conf'), /^npf=YES # freenet6$/m)
    assert.match(run('netbsd', 'up').stdout, /the firewall lets in through gif0/)
    run('netbsd', 'down')
    assert.doesNotMatch(host.read('rc.conf'), /npf/)
    assert.deepEqual(host.made, ['rc.conf'])
  })

  test('is not said to stand where npf does not load it, and is not asked for again', () => {
    host.remember('no-npf', '')
    assert.match(
      run('netbsd', 'up', { args: ['--firewall'], status: 1 }).stderr,
      /npf does not take the rules/,
    )
    assert.deepEqual(host.made, [])
    assert.match(run('netbsd', 'up').stdout, /open to the whole IPv6 Internet/)
  })

  test("leaves the owner's file alone and shows what to add", () => {
    host.write('npf.conf', 'group default { pass all }\n')
    const { stdout, stderr } = run('netbsd', 'up', { args: ['--firewall'], status: 1 })
    assert.match(stdout, /group "freenet6" on gif0/)
    assert.match(stderr, /add the group above/)
    assert.equal(host.read('npf.conf'), 'group default { pass all }\n')
  })
})

for (const system of BSD_SYSTEMS)
  test(`another pair of addresses on ${system} takes the default route of the one before with it`, () => {
    const other = { ...USUAL, ipv6Server: '2001:db8:f6:2::1', ipv6Client: '2001:db8:f6:2::2' }
    run(system, 'up')
    const before = `export KERNEL=${KERNELS[system]}`
    const { stdout, status } = host.run(render(system, 'up', other), { before })
    assert.equal(status, 0)
    assert.doesNotMatch(stdout, /left as it is|keeps its/)
    assert.match(host.recall('default6'), /gateway: 2001:db8:f6:2::1$/m)
    for (const file of host.made)
      assert.match(host.read(file), /^!route -n add -inet6 default 2001:db8:f6:2::1$/m)
    if (system === 'freebsd') assert.equal(host.recall('rc.ipv6_defaultrouter'), '2001:db8:f6:2::1')
  })

for (const system of BSD_SYSTEMS) {
  describe(`the scripts for ${system}, on a host that is not plain`, () => {
    test('up behind a NAT uses the address that packets leave from, and says so', () => {
      host.remember('addresses', '\tinet 10.0.0.5 netmask 0xffffff00\n')
      const { stdout, calls } = run(system, 'up')
      assert.match(stdout, /behind NAT: using its own address 10\.0\.0\.5\./)
      assert.match(calls, /ifconfig gif0 tunnel 10\.0\.0\.5 192\.0\.2\.1/)
    })

    test('up refuses, and down leaves alone, a gif0 that is another tunnel', () => {
      host.remember('gif0', '\ttunnel inet 192.0.2.2 --> 203.0.113.1\n')
      assert.match(run(system, 'up', { status: 1 }).stderr, /gif0 is a tunnel to 203\.0\.113\.1 already/)
      assert.doesNotMatch(run(system, 'down').calls, /destroy|deletetunnel|-alias/)
    })
  })
}

interface Expected {
  readonly args?: readonly string[]
  readonly status?: number
}

function run(system: BsdSystem, action: 'up' | 'down', { args = [], status = 0 }: Expected = {}): HostRun {
  const before = `export KERNEL=${KERNELS[system]}`
  const ran = host.run(render(system, action, USUAL), { args, before })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return ran
}

function assertInOrder(calls: string, expected: readonly string[]): void {
  const lines = calls.split('\n')
  assert.deepEqual(
    lines.filter(line => expected.includes(line)),
    expected,
    calls,
  )
}

function assertClosed(rules: string): void {
  assert.match(
    rules,
    /^pass out quick on gif0 inet6 keep state\npass in quick on gif0 inet6 proto ipv6-icmp keep state\nblock in quick on gif0 inet6$/m,
  )
}
