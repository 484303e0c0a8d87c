import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { cpuSeconds, memoryBytes, peakBytes } from '../../bench/process-figures.ts'

const BUSY = `
const end = process.cpuUsage().user + 300_000
while (process.cpuUsage().user < end);
process.stdout.write('done')
setInterval(() => {}, 1000)
`

/** Resolves with the pid of a program that has printed something and goes on, until the test ends. */
async function run(t: TestContext, script: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const pid = child.pid ?? assert.fail()
  t.after(() => process.kill(-pid, 'SIGKILL')) // the whole group: a child of its own too
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(20_000) })
  return pid
}

test('CPU time is what the process itself says that it used', async t => {
  const used = cpuSeconds(await run(t, BUSY))
  assert.ok(used >= 0.29 && used < 5, `${used} s`)
})

test('CPU time of a process includes that of its children', async t => {
  const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(BUSY)}], { stdio: 'inherit' })`
  const pid = await run(t, script)
  assert.ok(cpuSeconds(pid) >= 0.29)
  assert.ok(memoryBytes(pid) > 0)
})

test('a process that is gone has used nothing and holds nothing', async () => {
  const child = spawn('true')
  await once(child, 'exit')
  assert.deepEqual([memoryBytes(child.pid ?? 0), peakBytes(child.pid ?? 0)], [0, 0])
})
