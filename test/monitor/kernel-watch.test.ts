import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { KernelWatch, type Sysctl } from '../../src/monitor/kernel-watch.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { until } from '../until.ts'

const missing = await enterOwnNetwork()
const SKIP = { timeout: 120_000, ...(missing === undefined ? {} : { skip: missing }) }

/** From one look at the settings to the next. */
const BETWEEN_LOOKS_MS = 3000

interface Watched {
  changes: number
  troubles: number
  readonly warnings: string[]
}

function watch(
  t: TestContext,
  options: { readonly command?: string; readonly sysctls?: readonly Sysctl[] } = {},
): Watched {
  const seen: Watched = { changes: 0, troubles: 0, warnings: [] }
  const quiet = () => undefined
  const log = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (_: object, message: string) => void seen.warnings.push(message),
  }
  const watching = new KernelWatch({
    log,
    onChange: () => seen.changes++,
    onTrouble: () => seen.troubles++,
    sysctls: [],
    ...options,
  })
  watching.start()
  t.after(() => watching.stop())
  return seen
}

function ip(line: string): void {
  execFileSync('ip', line.split(' '))
}

/** Waits until the monitor hears, and has told all that was changed before: it says nothing of its own when it starts. */
async function settled(seen: Watched): Promise<void> {
  await until(async () => {
    for (const what of ['add', 'del']) ip(`address ${what} 192.0.2.8/32 dev lo`)
    await sleep(100)
    return seen.changes > 0
  }, 'the monitor hears nothing')
  for (let before = 0; before !== seen.changes; ) {
    before = seen.changes
    await sleep(1000)
  }
  seen.changes = 0
}

for (const [name, before, change] of [
  ['a link that is deleted', 'link add w0 type veth peer name w1', 'link del w0'],
  ['a link that is put down', 'link add x0 up type veth peer name x1', 'link set x0 down'],
  ['an address that is deleted', 'address add 192.0.2.9/32 dev lo', 'address del 192.0.2.9/32 dev lo'],
  [
    'a route that is deleted',
    '-6 route add blackhole 2001:db8:9::/48',
    '-6 route del blackhole 2001:db8:9::/48',
  ],
] as const) {
  test(`${name} is noticed`, SKIP, async t => {
    ip(before)
    const seen = watch(t)
    await settled(seen)
    ip(change)
    await until(() => seen.changes > 0, 'nothing was noticed')
  })
}

test('a hundred changes at once are one wake', SKIP, async t => {
  const seen = watch(t)
  await settled(seen)
  for (let i = 1; i <= 100; i++) ip(`address add 192.0.2.${i + 100}/32 dev lo`)
  await until(() => seen.changes > 0, 'nothing was noticed')
  await sleep(1000)
  assert.ok(seen.changes < 20, `${seen.changes} wakes`)
})

test('a route that is added wakes nobody', SKIP, async t => {
  const seen = watch(t)
  await settled(seen)
  ip('-6 route add blackhole 2001:db8:8::/48')
  await sleep(1000)
  assert.equal(seen.changes, 0)
})

test('where ip is missing the log says so once, and it is tried again', SKIP, async t => {
  const seen = watch(t, { command: join(tmpdir(), 'no-such-ip') })
  await until(() => seen.changes >= 2, 'it was not tried again')
  assert.deepEqual(seen.warnings, [
    'changes of the kernel by others are not seen at once: ip monitor does not run',
  ])
})

test('what changes while no monitor runs is looked for once one runs again', SKIP, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'monitor-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const command = join(dir, 'ip')
  writeFileSync(command, `#!/bin/sh\n[ -e ${dir}/once ] && exec sleep 60\n: > ${dir}/once\n`, { mode: 0o755 })
  const seen = watch(t, { command })
  await until(() => seen.changes === 1, 'its end was not noticed')
  await until(() => seen.changes === 2, 'nobody looked')
})

test('a setting that is otherwise than tunnels need it is trouble until it is mended', SKIP, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'sysctl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'forwarding')
  writeFileSync(path, '0\n')
  t.mock.timers.enable({ apis: ['setInterval'] })
  const seen = watch(t, { sysctls: [{ path, value: '1' }] })
  for (const troubles of [1, 2]) {
    t.mock.timers.tick(BETWEEN_LOOKS_MS)
    await until(() => seen.troubles === troubles, 'no trouble was seen')
  }
  assert.deepEqual(seen.warnings, ['a setting of the kernel is not as tunnels need it'])
  writeFileSync(path, '1\n')
  t.mock.timers.tick(2 * BETWEEN_LOOKS_MS)
  await sleep(100)
  assert.equal(seen.troubles, 2)
})
