import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { CLAIM, KernelClaim } from '../../src/kernel/kernel-claim.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { until } from '../until.ts'

const NOBODY = 65_534
const LISTEN = `require('node:net').createServer().listen(${JSON.stringify(CLAIM)}, () => console.log('held'))`
const AS_NOBODY = `process.setuid(${NOBODY}); ${LISTEN}`

const skip = (await enterOwnNetwork()) ?? false

/** A process that holds the socket; returns its number. */
async function holder(t: TestContext, program: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

test('one claim at a time is held in a network, until it is released', { skip }, async t => {
  const [first, second] = [new KernelClaim({ isPatient: false }), new KernelClaim({ isPatient: false })]
  assert.equal(await first.take(), undefined)
  assert.equal(await first.take(), undefined, 'who has it has it')
  assert.match((await second.take()) ?? '', new RegExp(`^another freenet6 process \\(${process.pid}\\)`))
  first.release()
  const third = new KernelClaim({ isPatient: false })
  t.after(() => third.release())
  assert.equal(await third.take(), undefined)
})

test('another process’s claim ends with it, however that ends', { skip }, async t => {
  const refused = new KernelClaim({ isPatient: false })
  const patient = new KernelClaim({ isPatient: true })
  t.after(() => patient.release())
  const pid = await holder(t, LISTEN)
  const refusal = await refused.take()
  assert.match(refusal ?? '', new RegExp(`^another freenet6 process \\(${pid}\\)`))
  assert.notEqual(await patient.take(), undefined)
  process.kill(pid, 'SIGKILL')
  await until(async () => (await patient.take()) === undefined)
  assert.equal(await refused.take(), refusal, 'a service that is started anew must find its place free')
})

test('who may not change the kernel keeps nobody from it', { skip }, async t => {
  const claim = new KernelClaim({ isPatient: false })
  t.after(() => claim.release())
  await holder(t, AS_NOBODY)
  assert.equal(await claim.take(), undefined)
})
