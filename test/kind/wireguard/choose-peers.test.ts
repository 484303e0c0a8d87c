import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type Prefix, parsePrefix } from '../../../src/address/prefix.ts'
import type { RunIp } from '../../../src/kernel/ip-command.ts'
import { choosePeers } from '../../../src/kind/wireguard/choose-peers.ts'
import { publicKeyReader } from '../../../src/kind/wireguard/server-key.ts'
import type { RunWg } from '../../../src/kind/wireguard/wg-command.ts'
import type { DriverContext } from '../../../src/tunnel/kind.ts'
import { SILENT } from '../../lifecycle/world.ts'

const NO_WG = 'wireguard-tools: wg can not be run: EACCES'

let dataDir: string
/** The names of the kernel's devices. */
let devices: readonly string[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'peers-'))
  devices = ['lo', 'fn6-all', 'fn6-wg']
})

afterEach(() => rmSync(dataDir, { recursive: true }))

const noWg: RunWg = async () => ({ kind: 'failed', reason: 'wg can not be run: EACCES' })
const listsDevices: RunIp = async () => ({
  status: 0,
  stdout: JSON.stringify(devices.map(ifname => ({ ifname }))),
  stderr: '',
})

function choose(
  driver: DriverContext['driver'] = 'auto',
  { runIp = listsDevices, runWg = noWg }: { readonly runIp?: RunIp; readonly runWg?: RunWg } = {},
) {
  const context: DriverContext = {
    driver,
    layout: 'shared',
    devicePrefix: 'fn6-',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix: parsePrefix('2001:db8:f6::/48') as Prefix,
    routed: undefined,
    dataDir,
    wireguard: { port: 51_820, mtu: 1420, program: 'auto' },
    isDemo: false,
    hadInterfaces: false,
    claimKernel: async () => undefined,
    log: SILENT,
  }
  return choosePeers(context, { runIp, runWg })
}

test('WireGuard that can’t be had is no trouble where nobody has such a tunnel, and one as soon as somebody has', async () => {
  devices = ['lo', 'fn6-all']
  const driver = await choose()
  assert.equal(driver.kind, 'none')
  for (const _ of [1, 2]) assert.deepEqual(await driver.prepare(), [])
  assert.deepEqual((await driver.reconcile([])).faults, [])
  assert.equal(driver.trouble?.(), undefined)
  await driver.reconcile([{ device: 'fn6-7', ipv4Client: '', ipv6Client: '', ipv6Server: '' }])
  assert.equal(driver.trouble?.(), NO_WG)
})

test('WireGuard that can’t be had is a trouble beside its interface, and no kind that can be registered', async () => {
  const driver = await choose()
  assert.equal(driver.kind, 'none')
  assert.deepEqual(await driver.prepare(), [{ device: 'fn6-wg', reason: NO_WG }])
  assert.equal(driver.trouble?.(), NO_WG)
  const wanted = { device: 'fn6-7', ipv4Client: '', ipv6Client: '', ipv6Server: '' }
  const { faults } = await driver.reconcile([wanted])
  assert.deepEqual(faults, [{ device: 'fn6-7', reason: NO_WG }], 'no word of the other kinds’ tunnels')
})

test('no peer is said to be removed while the interface of a process before stands', async () => {
  const driver = await choose()
  assert.deepEqual(await driver.remove(['fn6-7']), [{ device: 'fn6-7', reason: NO_WG }])
  devices = ['lo', 'fn6-all']
  assert.deepEqual(await driver.remove(['fn6-7']), [])
})

test('a key that can’t be read is read when it can, and none is made in its place', async () => {
  const file = join(dataDir, 'wireguard.key')
  const publicKey = publicKeyReader(dataDir)
  writeFileSync(file, 'garbled')
  const driver = await choose()
  await driver.prepare()
  assert.match(driver.trouble?.() ?? '', /holds no WireGuard key$/)
  assert.equal(publicKey(), '')
  rmSync(file)
  await driver.prepare()
  await driver.prepare()
  assert.match(driver.trouble?.() ?? '', /^no WireGuard key: ENOENT/)
  assert.equal(existsSync(file), false)
  await choose() // the next start makes it
  await driver.prepare()
  assert.equal(driver.trouble?.(), NO_WG)
  assert.match(publicKey(), /=$/)
  assert.notEqual(publicKey(), readFileSync(file, 'utf8').trim())
})

test('a kernel that could not be asked is no kernel without WireGuard: wireguard-go does not take its place', async () => {
  const runIp: RunIp = async () => ({ status: -1, stdout: '', stderr: 'ip was ended: deadline' })
  const driver = await choose('auto', { runIp, runWg: async () => ({ kind: 'done', output: '' }) })
  await driver.prepare()
  assert.equal(driver.trouble?.(), 'ip was ended: deadline')
})

test('a dry run has no trouble without a key: nobody would have a tunnel', async () => {
  writeFileSync(join(dataDir, 'wireguard.key'), 'garbled')
  const driver = await choose('dry-run')
  assert.deepEqual([driver.kind, driver.trouble?.()], ['none', undefined])
})
