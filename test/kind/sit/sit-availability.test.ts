import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { IpOutcome } from '../../../src/kernel/ip-command.ts'
import { sitAvailability } from '../../../src/kind/sit/sit-availability.ts'

const FINE: IpOutcome = { status: 0, stdout: '', stderr: '' }
const WITH_NET_ADMIN = '0000000000001000'
const WITHOUT_NET_ADMIN = '000001ffffffefff'

function setUp(t: TestContext, options: { readonly capabilities: string; readonly fails?: string }) {
  const dir = mkdtempSync(join(tmpdir(), 'availability-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const statusPath = join(dir, 'status')
  writeFileSync(statusPath, `Name:\tnode\nCapPrm:\t0\nCapEff:\t${options.capabilities}\nCapBnd:\t0\n`)
  const calls: string[] = []
  const runIp = async (args: readonly string[]) => {
    calls.push(args.join(' '))
    const fails = options.fails !== undefined && args.join(' ').startsWith(options.fails)
    return fails ? { status: 2, stdout: '', stderr: 'RTNETLINK answers: Operation not supported\n' } : FINE
  }
  return { calls, options: { devicePrefix: 'fn6-', runIp, statusPath, platform: 'linux' } }
}

test('sit is available where a trial device can be made, and the trial is removed', async t => {
  const { calls, options } = setUp(t, { capabilities: WITH_NET_ADMIN })
  assert.deepEqual(await sitAvailability(options), { kind: 'available' })
  assert.equal(calls.at(-1), 'link delete dev fn6-trial')
})

test('nobody can make sit devices on another system', async t => {
  const { options } = setUp(t, { capabilities: WITH_NET_ADMIN })
  assert.deepEqual(await sitAvailability({ ...options, platform: 'freebsd' }), {
    kind: 'barred',
    reason: 'sit devices need Linux',
  })
})

test('sit is unavailable without ip', async t => {
  const { options } = setUp(t, { capabilities: WITH_NET_ADMIN, fails: '-V' })
  assert.equal((await sitAvailability(options)).kind, 'unavailable')
})

test('nobody can without CAP_NET_ADMIN, and nothing is tried', async t => {
  const { calls, options } = setUp(t, { capabilities: WITHOUT_NET_ADMIN })
  assert.deepEqual(await sitAvailability(options), {
    kind: 'barred',
    reason: 'CAP_NET_ADMIN is missing',
  })
  assert.deepEqual(calls, [])
})

test('nobody can make them where the kernel has none', async t => {
  const { options } = setUp(t, { capabilities: WITH_NET_ADMIN, fails: 'link add' })
  assert.deepEqual(await sitAvailability(options), {
    kind: 'barred',
    reason: 'the kernel makes no sit device: Operation not supported',
  })
})

test('who has not installed ip tries the service out, unless there are devices of a process before', async t => {
  const { options } = setUp(t, { capabilities: WITH_NET_ADMIN })
  const runIp = async () => ({ status: -1, stdout: '', stderr: 'spawn ip ENOENT' })
  const devicesPath = `${options.statusPath}-devices`
  for (const [device, kind] of [
    ['eth0', 'barred'],
    ['fn6-all', 'unavailable'],
    ['fn6-7', 'unavailable'],
  ] as const) {
    writeFileSync(devicesPath, `Inter-|   Receive\n face |bytes\n    lo: 1 2\n${device}: 3 4\n`)
    assert.equal((await sitAvailability({ ...options, runIp, devicesPath })).kind, kind)
  }
})
