import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { firstSteps, keepCommand } from '../../src/portal/first-steps.ts'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import { ScriptValueFault, type ScriptValues } from '../../src/portal/script-values.ts'
import { SystemFault } from '../../src/portal/system-manifest.ts'
import { Templates } from '../../src/portal/templates.ts'
import { TunnelScripts } from '../../src/portal/tunnel-scripts.ts'
import { largestMtuOf, render, USUAL, WIREGUARD_FACTS } from './render.ts'

const SYSTEMS_DIR = join(import.meta.dirname, '../../templates/systems')
const FACTS = {
  origin: 'freenet6.net',
  serverIpv4: '192.0.2.1',
  largestMtuOf,
  publicUrl: 'http://192.0.2.1',
  ipv4Url: 'http://192.0.2.1',
  wireguard: WIREGUARD_FACTS,
}

suite('an operating system is a folder', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-systems-'))
    cpSync(SYSTEMS_DIR, directory, { recursive: true })
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  function change(file: string, from: string | RegExp, to: string): void {
    const path = join(directory, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  }

  test('one more folder is one more system, in its place', () => {
    cpSync(join(directory, 'linux'), join(directory, 'plan9'), { recursive: true })
    change('plan9/system.toml', 'order = 10', 'order = 35')
    const systems = OperatingSystems.load(directory)
    const [before, , after] = systems.ids.slice(systems.ids.indexOf('plan9') - 1)
    assert.deepEqual([before, after], ['netbsd', 'macos'])
    const scripts = new TunnelScripts(FACTS, systems, new Templates())
    assert.equal(
      scripts.render(USUAL, { os: 'plan9', kind: 'sit', part: 'up' }),
      render('linux', 'up', USUAL),
    )
  })

  const BROKEN: readonly (readonly [what: string, from: string | RegExp, to: string, message: RegExp])[] = [
    ['no title', /^title.*$/m, '', /linux\/system\.toml: title: /],
    ['an unknown key', 'order', 'colour = "red"\norder', /Unrecognized key: "colour"/],
    ['a manual that is no https URL', 'https://man7', 'javascript:man7', /manuals\.0\.url/],
    ['a step that fetches from nowhere', "'{url}'", '', /steps\.fetch: a command with \{file\} and \{url\}/],
    ['no TOML', 'title =', 'title', /system\.toml: Invalid TOML/],
  ]
  for (const [what, from, to, message] of BROKEN) {
    test(`a manifest with ${what} stops the start and is named`, () => {
      change('linux/system.toml', from, to)
      assert.throws(
        () => OperatingSystems.load(directory),
        (error: unknown) => error instanceof SystemFault && message.test(error.message),
      )
    })
  }

  test('a script that is missing, or names a value that there is not, stops the start', () => {
    rmSync(join(directory, 'debian/sit/notes.hbs'))
    assert.throws(() => OperatingSystems.load(directory), /debian\/sit\/notes\.hbs is missing/)
    cpSync(join(SYSTEMS_DIR, 'debian'), join(directory, 'debian'), { recursive: true })
    change('debian/sit/notes.hbs', 'You need', '{{surprise}}')
    const systems = OperatingSystems.load(directory)
    assert.throws(() => new TunnelScripts(FACTS, systems, new Templates()), /surprise/)
  })
})

suite('the first steps on a system', () => {
  const systems = OperatingSystems.load()
  const URL = 'https://broker.example/script?os=x&action=up'

  function stepsOf(os: string): readonly string[] {
    return firstSteps(systems.find(os) ?? assert.fail(os), URL).map(({ command }) => command)
  }

  for (const [os, ...steps] of [
    ['linux', `curl -o freenet6-up.sh '${URL}'`, 'less freenet6-up.sh', 'sudo sh freenet6-up.sh'],
    ['freebsd', `fetch -o freenet6-up.sh '${URL}'`, 'less freenet6-up.sh', "su root -c 'sh freenet6-up.sh'"],
    ['openbsd', `ftp -o freenet6-up.sh '${URL}'`, 'less freenet6-up.sh', "su root -c 'sh freenet6-up.sh'"],
    ['openwrt', `wget -O freenet6-up.sh '${URL}'`, 'less freenet6-up.sh', 'sh freenet6-up.sh'],
    ['windows', `curl.exe -o freenet6-up.cmd "${URL}"`, 'notepad freenet6-up.cmd', 'freenet6-up.cmd'],
    ['junos', `curl -o freenet6-up.txt '${URL}'`, 'less freenet6-up.txt'],
    ['android'],
    ['ios'],
  ] as const)
    test(`are, for ${os}, what it has from the start: ${steps.length} commands`, () => {
      assert.deepEqual(stepsOf(os), steps)
    })

  test('are of OpenBSD’s su in all its texts: its doas does nothing without a doas.conf', () => {
    const folder = join(SYSTEMS_DIR, 'openbsd')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file =>
      /[.](hbs|toml)$/.test(file),
    )
    assert.ok(files.length >= 10)
    assert.deepEqual(
      files.filter(file => readFileSync(join(folder, file), 'utf8').includes('doas')),
      [],
    )
  })

  test('are there wherever somebody types, and no system but a phone has none', () => {
    const without = systems.all.filter(({ steps }) => steps === undefined).map(({ id }) => id)
    assert.deepEqual(without, ['android', 'ios'])
    for (const system of systems.all)
      assert.equal(keepCommand(system) !== '', system.ending === 'sh', system.id)
  })
})

suite('a language that a system is written in', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freenet6-systems-'))
    cpSync(SYSTEMS_DIR, directory, { recursive: true })
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  function change(file: string, from: string | RegExp, to: string): void {
    const path = join(directory, file)
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  }

  const BROKEN: readonly (readonly [what: string, from: string | RegExp, to: string, message: RegExp])[] = [
    ['a need', /^ {2}"iproute2.*$/m, '', /linux\/system\.fr\.toml: needs: 2 texts, but there are 3/],
    ['a title', /^title.*$/m, '', /linux\/system\.fr\.toml: title: /],
    [
      'a manual of WireGuard',
      /manuals = \["La page.*$/m,
      'manuals = []',
      /kinds\.wireguard\.manuals: 0 texts/,
    ],
    ['WireGuard', /\[kinds\.wireguard\][\s\S]*/, '', /kinds\.wireguard is missing/],
  ]
  for (const [what, from, to, message] of BROKEN) {
    test(`that lacks ${what} stops the start and is named`, () => {
      change('linux/system.fr.toml', from, to)
      assert.throws(() => OperatingSystems.load(directory), message)
    })
  }

  test('has the notes of every kind, and the scripts that are steps for a person', () => {
    for (const file of ['debian/wireguard/notes.fr.hbs', 'pfsense/sit/down.fr.hbs']) {
      rmSync(join(directory, file))
      assert.throws(() => OperatingSystems.load(directory), {
        message: `${join(directory, file)} is missing`,
      })
      cpSync(join(SYSTEMS_DIR, file), join(directory, file))
    }
  })

  test('has no kind that the system does not have', () => {
    change('macos/system.fr.toml', /$/, '\n[kinds.gre]\nneeds = ["x"]\nmanuals = ["x"]\n')
    assert.throws(() => OperatingSystems.load(directory), /there is no use for kinds\.gre/)
  })

  test('is not there at all: English stands in for it, and says so', () => {
    rmSync(join(directory, 'vyos/system.fr.toml'))
    const french = OperatingSystems.load(directory).in('fr')
    assert.equal(french.find('vyos')?.language, 'en')
    assert.equal(french.find('linux')?.language, 'fr')
    assert.equal(french.in('x').find('linux')?.language, 'fr')
  })
})

suite('what reaches a script', () => {
  test('a script for a public key is a fault while the server has no key itself', () => {
    const publicKey = WIREGUARD_FACTS.serverPublicKey
    assert.throws(() => render('linux', 'up', { ...USUAL, publicKey, serverPublicKey: '' }), ScriptValueFault)
    assert.ok(render('linux', 'up', { ...USUAL, serverPublicKey: '' }))
  })

  const HOSTILE: Partial<Record<keyof ScriptValues, readonly unknown[]>> = {
    ipv4Client: ['`reboot`', '192.0.2.1; reboot', '192.0.2.1\n', '192.0.2.256', undefined],
    publicKey: ['x', '$(reboot)', undefined],
    serverPublicKey: ['`reboot`', undefined],
    endpoint: ['host', 'host:1; reboot', '$(x):1'],
    endpointHost: ['', 'host; reboot', '$(x)', '2001:db8::1'],
    endpointPort: ['51820', -1, 65_536],
    endpointIpv4: ['host', '192.0.2.1;', undefined],
    ipv6Client: ['2001:db8::2 $(reboot)', '::ffff:1.2.3.4', 'fe80::1%eth0', '2001:DB8::2', 'x'],
    name: ['$(reboot).ca.freenet6.net', 'a b.ca', '-rf.ca.freenet6.net', 'nic.ca\n.net', 'é.ca', "it's"],
    mtu: [Number.NaN, -1, 1.5, '1480', Number.POSITIVE_INFINITY],
    prefixLength: ['64'],
    publicUrl: ['http://x/`id`', 'javascript:1', 'http://x y', 'http://x/"', "http://x/'"],
    ipv4Url: ['http://x/`id`', '', 'http://x y'],
    id: ['../x', 'a;b', '', 'A1'],
    interfaceName: ['a b', '$(x)', '-x', 'longer-than-fifteen'],
  }
  for (const [name, values] of Object.entries(HOSTILE)) {
    test(`${name} is what it looks like, or a fault that does not repeat it`, () => {
      for (const value of values) {
        assert.throws(
          () => render('linux', 'up', { ...USUAL, [name]: value }),
          (error: unknown) =>
            error instanceof ScriptValueFault && error.message === `${name} is not fit to stand in a script`,
          String(value),
        )
      }
    })
  }
})
