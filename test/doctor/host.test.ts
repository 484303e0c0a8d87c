import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { checkHost } from '../../src/doctor/host-check.ts'
import { type HostFacts, readHost } from '../../src/doctor/host-facts.ts'
import type { StatusReport } from '../../src/operator/status.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { cannot, requirePackages } from '../packages.ts'

const GIB = 2 ** 30
const ALL_RIGHTS = (1n << 41n) - 1n

const SOUND_STATUS: StatusReport = {
  version: '1',
  config: 'freenet6.toml',
  process: { pid: process.pid, uptime_seconds: 1, thread_restarts: 0 },
  threads: 1,
  driver: 'sit',
  prober: 'icmp',
  zones: [],
  secondaries: [],
  certificates: [],
  tunnels: {},
  hidden_names: null,
  troubles: [],
  warnings: [],
  data_dir: { path: '/var/lib/freenet6', free_bytes: 10 * GIB, size_bytes: 20 * GIB },
}
const SOUND_HOST: HostFacts = {
  capabilities: ALL_RIGHTS,
  forwardsIpv6: true,
  hasCommand: () => true,
  isClockKept: true,
}

function configOf(text: string) {
  const reading = parseConfig(`${text}\n[tunnel]\nallow_special_purpose = true\n`, '/freenet6.toml')
  assert.equal(reading.kind, 'config')
  return reading.config
}

const ON_PORT_53 = configOf('[dns]\nlisten = ["192.0.2.1:53"]')

function codes(status: Partial<StatusReport>, host: Partial<HostFacts>, config = ON_PORT_53): string[] {
  return checkHost(config, { ...SOUND_STATUS, ...status }, { ...SOUND_HOST, ...host }).map(({ code }) => code)
}

test('a machine that has everything is sound', () => {
  assert.deepEqual(codes({}, {}), [])
})

test('what the process says of itself, a full disk and a free clock are found', () => {
  assert.deepEqual(codes({ troubles: ['cut off'] }, {}), ['own-trouble'])
  const path = '/data'
  assert.deepEqual(codes({ data_dir: { path, free_bytes: 100 * 2 ** 20, size_bytes: GIB } }, {}), [
    'disk-low',
  ])
  assert.deepEqual(codes({ data_dir: { path, free_bytes: GIB, size_bytes: 100 * GIB } }, {}), ['disk-low'])
  assert.deepEqual(codes({}, { isClockKept: false }), ['clock-free'])
  assert.deepEqual(codes({}, { isClockKept: undefined }), [])
})

test('a dry run is found where real tunnels were asked for, and not where a dry run was', () => {
  assert.deepEqual(codes({ driver: 'dry-run' }, {}), ['dry-run'])
  const reading = parseConfig(
    '[tunnel]\nallow_special_purpose = true\ndriver = "dry-run"\n',
    '/freenet6.toml',
  )
  assert.equal(reading.kind, 'config')
  assert.deepEqual(
    codes({ driver: 'dry-run' }, { forwardsIpv6: false, hasCommand: () => false }, reading.config),
    [],
  )
})

test('a missing program is found', () => {
  assert.deepEqual(codes({}, { hasCommand: command => command !== 'nft' }), ['command-missing'])
})

test('what WireGuard alone does without nft is a warning, in the words of the process', () => {
  const config = { ...ON_PORT_53, tunnel: { ...ON_PORT_53.tunnel, kinds: ['wireguard' as const] } }
  const host = { hasCommand: (command: string) => command !== 'nft' }
  assert.deepEqual(codes({ warnings: ['install nftables'] }, host, config), ['own-warning'])
})

test('a process without rights is found by reading what the kernel says of it', async t => {
  if (process.getuid?.() !== 0) return t.skip(cannot('to give a process fewer rights takes root'))
  if (!(await requirePackages(t, ['setpriv']))) return
  const child = spawn('setpriv', ['--bounding-set=-net_admin,-net_raw,-net_bind_service', 'sleep', '60'])
  try {
    const host = await hostOnceStarted(child)
    assert.deepEqual(
      checkHost(ON_PORT_53, SOUND_STATUS, { ...SOUND_HOST, capabilities: host.capabilities }).map(
        ({ what }) => what.split(' ').at(-1),
      ),
      ['CAP_NET_BIND_SERVICE', 'CAP_NET_ADMIN', 'CAP_NET_RAW'],
    )
    const modest = configOf('[monitor]\nprober = "fping"\n[dns]\nlisten = ["192.0.2.1:5300"]')
    assert.deepEqual(codes({}, { capabilities: host.capabilities }, modest), ['capability-missing'])
  } finally {
    child.kill()
    await once(child, 'exit')
  }
})

/** It drops its rights after it has begun and before it becomes `sleep`. */
async function hostOnceStarted(child: ChildProcess): Promise<HostFacts> {
  const { pid = 0 } = child
  for (let tries = 0; ; tries++) {
    const host = await readHost(pid)
    if (host.capabilities !== undefined && ((host.capabilities >> 12n) & 1n) === 0n) return host
    assert.ok(tries < 5000, 'setpriv took no right away')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('a kernel that does not forward is found, and one that does is not', async t => {
  const missing = await enterOwnNetwork()
  if (missing !== undefined) return t.skip(missing)
  const forwarding = '/proc/sys/net/ipv6/conf/all/forwarding'
  for (const [value, found] of [
    ['0', ['forwarding-off']],
    ['1', []],
  ] as const) {
    writeFileSync(forwarding, value)
    const { forwardsIpv6 } = await readHost(process.pid)
    assert.deepEqual(codes({}, { forwardsIpv6 }), found)
  }
})
