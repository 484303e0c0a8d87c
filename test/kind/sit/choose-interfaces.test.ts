import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Prefix, parsePrefix } from '../../../src/address/prefix.ts'
import type { RunIp } from '../../../src/kernel/ip-command.ts'
import type { RunNft } from '../../../src/kernel/nft-command.ts'
import { chooseInterfaces } from '../../../src/kind/sit/choose-interfaces.ts'
import type { DriverContext } from '../../../src/tunnel/kind.ts'
import { SILENT } from '../../lifecycle/world.ts'

const DONE = { status: 0, stdout: '', stderr: '' }
const NOT_RUN = { status: -1, stdout: '' }
const HUNG = 'ip was ended: deadline'

const hangs: RunIp = async () => ({ ...NOT_RUN, stderr: HUNG })
const works = async () => DONE
const noNft: RunNft = async () => ({ ...NOT_RUN, stderr: 'nft can not be run: ENOENT' })

function context(driver: DriverContext['driver']): DriverContext {
  return {
    driver,
    layout: 'shared',
    devicePrefix: 'fn6-',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix: parsePrefix('2001:db8:f6::/48') as Prefix,
    routed: undefined,
    dataDir: '',
    wireguard: { port: 51820, mtu: 1420, program: 'auto' },
    isDemo: false,
    hadInterfaces: false,
    claimKernel: async () => undefined,
    log: SILENT,
  }
}

/** A process with these capabilities, in the digits of /proc. */
function processWith(t: TestContext, capabilities: string) {
  const directory = mkdtempSync(join(tmpdir(), 'capabilities-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const statusPath = join(directory, 'status')
  writeFileSync(statusPath, `CapEff:\t${capabilities}\n`)
  return { statusPath, platform: 'linux' }
}

test('who may make tunnels and can’t for now is no dry run, whatever is missing', async t => {
  const allowed = processWith(t, '0000000000001000')
  for (const [tools, reason] of [
    [{ runIp: hangs, runNft: works }, HUNG],
    [{ runIp: works, runNft: noNft }, 'tunnel.layout = "shared" needs nftables: nft can not be run: ENOENT'],
  ] as const) {
    const driver = await chooseInterfaces(context('auto'), { ...allowed, ...tools })
    assert.equal(driver.kind, 'sit')
    assert.equal(driver.trouble?.(), reason)
    assert.deepEqual(await driver.prepare(), [{ device: '*', reason }])
  }
})

test('a device of a process before is not said to be removed', async t => {
  const allowed = processWith(t, '0000000000001000')
  const driver = await chooseInterfaces(context('auto'), { ...allowed, runIp: hangs, runNft: works })
  assert.deepEqual(await driver.remove(['fn6-1']), [{ device: 'fn6-1', reason: HUNG }])
  const runIp: RunIp = async () => ({ ...DONE, stdout: '[{"ifname":"lo"},{"ifname":"fn6-wg"}]' })
  const withoutNft = await chooseInterfaces(context('auto'), { ...allowed, runIp, runNft: noNft })
  assert.deepEqual(await withoutNft.remove(['fn6-1']), [], 'there is none')
})

test('who may make none tries them out, whatever else is missing', async t => {
  const barred = { ...processWith(t, '000001ffffffefff'), runIp: hangs, runNft: noNft }
  for (const tools of [barred, { ...barred, platform: 'darwin' }]) {
    const driver = await chooseInterfaces(context('auto'), tools)
    assert.equal(driver.kind, 'dry-run')
    assert.equal(driver.trouble?.(), undefined)
  }
})

test('who has lost the means to make them is no dry run: tunnels would be called active that nobody can use', async t => {
  const barred = { ...processWith(t, '000001ffffffefff'), runIp: works, runNft: works }
  const driver = await chooseInterfaces({ ...context('auto'), hadInterfaces: true }, barred)
  assert.equal(driver.kind, 'sit')
  assert.equal(driver.trouble?.(), 'CAP_NET_ADMIN is missing')
})

test('who finds another broker at work here says so, and leaves the kernel as it is', async t => {
  const lines: string[] = []
  const runIp: RunIp = async args => {
    lines.push(args.join(' '))
    return DONE
  }
  const tools = { ...processWith(t, '0000000000001000'), runIp, runNft: works }
  const other: DriverContext = { ...context('auto'), claimKernel: async () => 'another one' }
  const driver = await chooseInterfaces(other, tools)
  assert.equal(driver.trouble?.(), 'another one')
  await driver.prepare()
  await driver.reconcile([])
  assert.deepEqual(
    lines.filter(line => !line.includes('fn6-trial') && !/-V$|show/.test(line)),
    [],
  )
  await assert.rejects(chooseInterfaces({ ...other, driver: 'sit' }, tools), /another one/)
})

test('the start of the layout per-tunnel says how many tunnels it is for, that of the shared one does not', async t => {
  const tools = { ...processWith(t, '0000000000001000'), runIp: works, runNft: works }
  for (const [layout, wanted] of [
    ['per-tunnel', ['tunnel.layout = "per-tunnel" is for 2,000 tunnels at most']],
    ['shared', []],
  ] as const) {
    const told: string[] = []
    const log = { ...SILENT, info: (_: object, message: string) => void told.push(message) }
    const driver = await chooseInterfaces({ ...context('sit'), layout, log }, tools)
    t.after(() => driver.close?.())
    assert.equal(driver.kind, 'sit')
    assert.deepEqual(
      told.map(message => message.split(':')[0]),
      wanted,
    )
  }
})

test('a demo tries them out where anything is missing', async t => {
  const tools = { ...processWith(t, '0000000000001000'), runIp: hangs, runNft: works }
  assert.equal((await chooseInterfaces({ ...context('auto'), isDemo: true }, tools)).kind, 'dry-run')
})

test('a driver that was asked for and can’t be had ends the start', async t => {
  const allowed = processWith(t, '0000000000001000')
  const chosen = chooseInterfaces(context('sit'), { ...allowed, runIp: hangs, runNft: works })
  await assert.rejects(chosen, /tunnel\.driver = "sit": ip was ended/)
})
