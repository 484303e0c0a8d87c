import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parsePrefix } from '../../../src/address/prefix.ts'
import { type ServerKey, serverKey } from '../../../src/kind/wireguard/server-key.ts'
import type { RunWg } from '../../../src/kind/wireguard/wg-command.ts'
import { WireguardDevice } from '../../../src/kind/wireguard/wireguard-device.ts'
import { WireguardInterfaces } from '../../../src/kind/wireguard/wireguard-interfaces.ts'
import { newPublicKey } from '../../public-key.ts'

const directory = mkdtempSync(join(tmpdir(), 'freenet6-wireguard-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const KEY = serverKey(join(directory, 'data'))
const BY_WIREGUARD_GO = {
  name: 'fn6-wg',
  program: 'wireguard-go',
  key: KEY,
  port: 51_820,
  mtu: 1420,
  lost: () => undefined,
} as const

/** A device over an interface that listens on `port`, and what `wg set` was run with. */
function deviceOver(port: string) {
  const sets: string[] = []
  const device = new WireguardDevice({
    ...BY_WIREGUARD_GO,
    program: 'kernel',
    runIp: async () => ({
      status: 0,
      stdout: '7: fn6-wg: <NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue',
      stderr: '',
    }),
    runWg: async ([command, ...args]) => {
      if (command === 'set') sets.push(args.join(' '))
      return { kind: 'done', output: `${port}\n` }
    },
  })
  return { device, sets }
}

test('an interface that listens where it should is not told to: its socket would be opened anew', async () => {
  const { device, sets } = deviceOver('51820')
  assert.equal(await device.ensure(), undefined)
  assert.deepEqual(sets, [`fn6-wg private-key ${KEY.file}`])
})

test('one that listens elsewhere is told the port', async () => {
  const { device, sets } = deviceOver('40000')
  assert.equal(await device.ensure(), undefined)
  assert.deepEqual(sets, [`fn6-wg listen-port 51820 private-key ${KEY.file}`])
})

test('a key file that somebody has taken away is there again before the interface is told to read it', async () => {
  const before = readFileSync(KEY.file, 'utf8')
  rmSync(KEY.file)
  const { device } = deviceOver('51820')
  assert.equal(await device.ensure(), undefined)
  assert.equal(readFileSync(KEY.file, 'utf8'), before)
})

test('one that carries tunnels is not made a second time because wg can not be run for a moment', async t => {
  const tools = mkdtempSync(join(directory, 'tools-'))
  const started = join(tools, 'started')
  writeFileSync(join(tools, 'wireguard-go'), `#!/bin/sh\ntouch ${started}\n`, { mode: 0o755 })
  const path = process.env.PATH
  process.env.PATH = `${tools}:${path}`
  t.after(() => {
    process.env.PATH = path
  })
  const wg = { isAsked: false }
  const device = new WireguardDevice({
    ...BY_WIREGUARD_GO,
    runIp: async () => ({ status: 0, stdout: '7: fn6-wg: <NOARP,UP,LOWER_UP> mtu 1420', stderr: '' }),
    runWg: async () =>
      wg.isAsked ? { kind: 'done', output: '51820\n' } : { kind: 'failed', reason: 'wg: EAGAIN' },
  })
  t.after(() => device.close())
  assert.equal(await device.ensure(), 'wg: EAGAIN')
  wg.isAsked = true
  assert.equal(await device.ensure(), undefined)
  assert.equal(existsSync(started), false)
})

test('a port that another program has is named, whichever program would listen there', async () => {
  const device = new WireguardDevice({
    ...BY_WIREGUARD_GO,
    runIp: async () => ({ status: 0, stdout: '', stderr: '' }),
    runWg: async ([command]) =>
      command === 'show'
        ? { kind: 'done', output: '0\n' }
        : { kind: 'failed', reason: 'wg: Unable to modify interface: Address already in use' },
  })
  assert.match((await device.ensure()) ?? '', /^UDP port 51820 is another program’s: wg: /)
})

/** A driver whose interface has no peer yet, and what `wg` was run with. */
function interfacesWith(key: ServerKey) {
  const runs: string[] = []
  const prefix = parsePrefix('2001:db8:f6::/48')
  assert.ok(prefix)
  const runWg: RunWg = async args => {
    runs.push(args.join(' '))
    const isPort = args.includes('listen-port')
    return { kind: 'done', output: isPort ? '51820\n' : 'private\tpublic\t51820\toff\n' }
  }
  const done = { status: 0, stdout: '', stderr: '' }
  const interfaces = new WireguardInterfaces({
    devicePrefix: 'fn6-',
    program: 'kernel',
    key,
    port: 51_820,
    mtu: 1420,
    prefix,
    runIp: async () => done,
    runNft: async () => done,
    runWg,
  })
  return { interfaces, runs }
}

test('a disk that takes no file is a fault of WireGuard’s, and no reason to look after no tunnel at all', async () => {
  const { interfaces, runs } = interfacesWith({ ...KEY, file: join(KEY.file, 'no-folder', 'wireguard.key') })
  const link = { device: 'fn6-1', ipv4Client: '', publicKey: newPublicKey() }
  const { made, faults } = await interfaces.reconcile([
    { ...link, ipv6Server: '2001:db8:f6:1::1', ipv6Client: '2001:db8:f6:1::2' },
  ])
  assert.deepEqual(made.includes('fn6-1'), true, 'its routes were missing')
  assert.match(faults.map(({ reason }) => reason).join(), /no WireGuard key: .*no file for wg syncconf: /)
  assert.ok(!runs.some(run => run.startsWith('syncconf')))
})
