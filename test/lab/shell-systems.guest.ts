/**
 * The scripts for BusyBox and OpenWrt, and what a host with the tunnel goes through, in the lab's guest. OpenWrt's uci
 * and netifd are stand-ins; its protocol handler lies in another directory, for the guest's root is the machine's own.
 *
 *   uml-run -- node --test --test-isolation=none test/lab/shell-systems.guest.ts
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { USUAL } from '../scripts/render.ts'
import { type Host, runQuietly } from './narrator.ts'
import {
  assertAnswers,
  assertUpDownUp,
  BUSYBOX_PATH,
  INTERNET,
  makeWorld,
  must,
  on,
  succeed,
} from './script-client.ts'

const SERVER = ['/usr/bin/python3', '-m', 'http.server', '--bind', '::', '--directory', '/run/uci', '8000']
const UNTIL_IT_ANSWERS =
  'for i in 1 2 3 4 5 6 7 8 9; do curl -sf -o /dev/null http://[::1]:8000/ && exit 0; sleep 1; done; exit 1'

before(makeWorld)

for (const system of ['linux', 'openwrt'] as const) {
  describe(`the scripts for ${system}, in BusyBox's shell with its tools`, () => {
    test('up makes the tunnel, down takes it back, up makes it again', () =>
      assertUpDownUp(system, BUSYBOX_PATH))
  })
}

describe('a host whose tunnel is up', () => {
  let servers: readonly ChildProcess[] = []

  before(() => {
    servers = startWebServers()
    succeed('linux', 'up')
  })
  after(() => {
    for (const server of servers) server.kill()
  })

  test('keeps it when its own IPv4 address changes and the server follows', () => {
    const [old, present] = ['192.0.2.2/24', '192.0.2.7/24']
    must('ip', '-n', 'client', 'addr', 'flush', 'dev', 'eth0')
    must('ip', '-n', 'client', 'addr', 'add', present, 'dev', 'eth0')
    moveServerEnd('192.0.2.7')
    assertAnswers('client', INTERNET)
    must('ip', '-n', 'client', 'addr', 'flush', 'dev', 'eth0')
    must('ip', '-n', 'client', 'addr', 'add', old, 'dev', 'eth0')
    moveServerEnd('192.0.2.2')
    assertAnswers('client', INTERNET)
  })

  test('is open to everybody until --firewall lets in answers and pings alone, which down takes back', () => {
    assert.equal(isServed('internet', USUAL.ipv6Client), true)
    succeed('linux', 'up', { args: ['--firewall'] })
    assert.equal(isServed('internet', USUAL.ipv6Client), false)
    assert.equal(isServed('client', INTERNET), true)
    assertAnswers('internet', USUAL.ipv6Client)
    succeed('linux', 'down')
    assert.doesNotMatch(on('client', 'nft', 'list', 'ruleset'), /freenet6/)
  })
})

function moveServerEnd(remote: string): void {
  must(
    'ip',
    '-n',
    'broker',
    'tunnel',
    'change',
    'fn6-1',
    'mode',
    'sit',
    'remote',
    remote,
    'local',
    '192.0.2.1',
  )
}

/** Starts one on the client and one in the Internet. */
function startWebServers(): readonly ChildProcess[] {
  const hosts = ['client', 'internet'] as const
  const servers = hosts.map(host => spawn('ip', ['netns', 'exec', host, ...SERVER], { stdio: 'ignore' }))
  for (const host of hosts) on(host, 'sh', '-c', UNTIL_IT_ANSWERS)
  return servers
}

function isServed(host: Host, address: string): boolean {
  const request = ['curl', '-sf', '-m', '3', '-o', '/dev/null', `http://[${address}]:8000/`]
  return runQuietly(host, request).status === 0
}
