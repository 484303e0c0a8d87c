/**
 * Run by the test beside it: registers in the world of DIRECTORY and is killed once that is acknowledged, in the way that
 * HOW says: `node power-cut-child.ts DIRECTORY HOW`.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { FakeKernel, registerOne, World } from '../lifecycle/world.ts'

const [directory, how] = process.argv.slice(2)
assert.ok(directory)
const kernel = new FakeKernel()
if (how === 'refused' || how === 'unsettled') kernel.refusing.set('fn6-0', 'a fault that was made')
const world = await World.open({ directory, kernel })
if (how === 'unsettled') world.broker.store.settle = async () => undefined
await register(1)
if (how === 'failed sync') {
  writeFileSync(process.env.KEEP_SYNCED_FAIL ?? '', '')
  for (const host of [2, 3, 4]) await register(host)
}
process.kill(process.pid, 'SIGKILL')

async function register(host: number): Promise<void> {
  const request = { ipv4: `192.0.2.${host}`, nicname: `host${host}`, country: 'ca', os: 'linux' }
  assert.equal((await registerOne(world.lifecycle, request)).kind, 'registered')
}
