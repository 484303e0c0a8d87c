/**
 * The scripts for Linux and Debian, run for real: in the lab's guest, against a broker's end made by hand.
 *
 *   uml-run -- node --test --test-isolation=none test/lab/client-scripts.guest.ts
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { render, type ScriptValues, type System, USUAL } from '../scripts/render.ts'
import { type Outcome, runQuietly } from './narrator.ts'

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const INTERNET = '2001:db8:ffff::80'
const ETC_NETWORK = '/etc/network'
const HOOK_DIRECTORIES = ['if-pre-up.d', 'if-up.d', 'if-down.d', 'if-post-down.d', 'interfaces.d']

/** Takes its full time to give up: run beside the other tests, on the second client. */
let unanswered: Promise<Outcome>

before(() => {
  must('sh', TOPOLOGY)
  unanswered = runUnanswered()
  must('ip', 'netns', 'exec', 'broker', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
  setServerEnd(USUAL.ipv4Client)
})

describe('the scripts for Linux', () => {
  test('up makes the tunnel with its ends, MTU, address and a default route behind any other', () => {
    const ran = run('linux', 'up')
    assert.equal(ran.status, 0, ran.stderr)
    assert.match(ran.stdout, /the tunnel works/)
    assertTunnelIs(USUAL)
    assert.match(onClient('ip', '-6', 'route', 'show', 'default'), /dev freenet6 metric 2048/)
    onClient('ping', '-6', '-c', '1', '-W', '3', INTERNET)
  })

  test('up a second time succeeds and leaves one address', () => {
    assert.equal(run('linux', 'up').status, 0)
    assert.equal(globalAddresses().length, 1)
  })

  test('up with other values brings the tunnel up to date', () => {
    const moved = { ...USUAL, ipv4Client: '192.0.2.22', ipv6Client: '2001:db8:f6:1::b', mtu: 1400 }
    setServerEnd(moved.ipv4Client)
    assert.equal(run('linux', 'up', moved).status, 0)
    assertTunnelIs(moved, moved.ipv4Client)
  })

  test('up behind a NAT uses the address that packets leave from, and says so', () => {
    setServerEnd('192.0.2.2')
    const ran = run('linux', 'up', { ...USUAL, ipv4Client: '203.0.113.9' })
    assert.equal(ran.status, 0, ran.stderr)
    assert.match(ran.stdout, /behind NAT: using its own address 192\.0\.2\.2\./)
    assertTunnelIs(USUAL)
  })

  test('down takes everything back, and succeeds a second time', () => {
    assert.equal(run('linux', 'down').status, 0)
    assertNothingIsLeft()
    const again = run('linux', 'down')
    assert.equal(again.status, 0)
    assert.match(again.stdout, /nothing to undo/)
  })

  test('an interface of that name that is no such tunnel is left alone', () => {
    must('ip', '-n', 'client', 'link', 'add', 'freenet6', 'type', 'bridge')
    for (const action of ['up', 'down'] as const) assert.equal(run('linux', action).status, 1)
    must('ip', '-n', 'client', 'link', 'del', 'freenet6', 'type', 'bridge')
  })

  test('up works where IPv6 is switched off by sysctl for new interfaces', () => {
    onClient('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
    const ran = run('linux', 'up')
    onClient('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0')
    assert.equal(ran.status, 0, ran.stderr)
    assert.equal(run('linux', 'down').status, 0)
  })
})

describe('the scripts for Debian', () => {
  before(coverEtcNetwork)

  test('up writes the stanza and brings the tunnel up, and so a second time', () => {
    for (const _ of [1, 2]) {
      const ran = run('debian', 'up')
      assert.equal(ran.status, 0, ran.stderr)
      assertTunnelIs(USUAL)
    }
    onClient('ping', '-6', '-c', '1', '-W', '3', INTERNET)
  })

  test('up says what is to be done where IPv6 is switched off by sysctl for new interfaces', () => {
    onClient('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
    const ran = run('debian', 'up')
    onClient('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0')
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /set net\.ipv6\.conf\.default\.disable_ipv6 to 0/)
    assertTunnelIs(USUAL) // of the run before
  })

  test('down removes the stanza and the tunnel, and succeeds a second time', () => {
    for (const _ of [1, 2]) assert.equal(run('debian', 'down').status, 0)
    assertNothingIsLeft()
    assert.deepEqual(readdirSync(join(ETC_NETWORK, 'interfaces.d')), [])
  })

  test('up makes it again after the undo, and it can be undone again', () => {
    const ran = run('debian', 'up')
    assert.equal(ran.status, 0, ran.stdout + ran.stderr)
    assert.match(ran.stdout, /the tunnel works/)
    assert.equal(run('debian', 'down').status, 0)
  })

  test('up says which line is missing where interfaces.d is not read', () => {
    writeFileSync(join(ETC_NETWORK, 'interfaces'), 'auto lo\n')
    const ran = run('debian', 'up')
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /source \/etc\/network\/interfaces\.d\/\*/)
    assertNothingIsLeft()
  })
})

describe('a script that gets no answer', () => {
  test('says what to look at and ends with status 1', async () => {
    const ran = await unanswered
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /does not answer/)
    assert.match(ran.stderr, /protocol 41/)
  })
})

/** The guest's root is the machine's own: what ifupdown reads and writes is covered by files in memory. */
function coverEtcNetwork(): void {
  const cover = '/run/etc-network'
  for (const directory of HOOK_DIRECTORIES) mkdirSync(join(cover, directory), { recursive: true })
  mkdirSync('/run/network', { recursive: true }) // ifupdown's state
  writeFileSync(join(cover, 'interfaces'), 'source /etc/network/interfaces.d/*\n')
  must('mount', '--bind', cover, ETC_NETWORK)
}

function setServerEnd(remote: string): void {
  const command = runQuietly('broker', ['ip', 'link', 'show', 'fn6-1']).status === 0 ? 'change' : 'add'
  const ends = ['remote', remote, 'local', USUAL.ipv4Server, 'ttl', '64']
  must('ip', '-n', 'broker', 'tunnel', command, 'fn6-1', 'mode', 'sit', ...ends)
  must('ip', '-n', 'broker', 'link', 'set', 'fn6-1', 'up')
  must('ip', '-n', 'broker', '-6', 'addr', 'replace', `${USUAL.ipv6Server}/64`, 'dev', 'fn6-1')
}

function runUnanswered(): Promise<Outcome> {
  const file = '/run/unanswered.sh'
  writeFileSync(file, render('linux', 'up', { ...USUAL, ipv4Client: '192.0.2.3' }))
  return new Promise(resolve => {
    execFile('ip', ['netns', 'exec', 'client2', 'sh', file], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

function run(system: System, action: 'up' | 'down', values: ScriptValues = USUAL): Outcome {
  const file = `/run/${system}-${action}.sh`
  writeFileSync(file, render(system, action, values))
  return runQuietly('client', ['sh', file])
}

function assertTunnelIs(values: ScriptValues, local = 'any'): void {
  const { ipv4Server, ipv6Client, prefixLength, mtu } = values
  const ends = onClient('ip', 'tunnel', 'show', 'freenet6')
  assert.match(ends, new RegExp(`remote ${ipv4Server} +local ${local} .*ttl 64`))
  assert.match(onClient('ip', 'link', 'show', 'freenet6'), new RegExp(`[<,]UP[,>].* mtu ${mtu} `))
  assert.deepEqual(globalAddresses(), [`${ipv6Client}/${prefixLength}`])
}

function globalAddresses(): string[] {
  const text = onClient('ip', '-6', '-o', 'addr', 'show', 'dev', 'freenet6', 'scope', 'global')
  return [...text.matchAll(/inet6 (\S+)/g)].map(([, address]) => address ?? '')
}

function assertNothingIsLeft(): void {
  assert.equal(runQuietly('client', ['ip', 'link', 'show', 'freenet6']).status, 1)
  assert.equal(onClient('ip', '-6', 'route', 'show', 'default'), '')
}

function onClient(...command: readonly string[]): string {
  const { status, stdout, stderr } = runQuietly('client', command)
  assert.equal(status, 0, `${command.join(' ')}: ${stderr}`)
  return stdout
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
