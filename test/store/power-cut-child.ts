/**
 * Run by the test beside it: registers somebody in the world of DIRECTORY and is killed once that is acknowledged, in the
 * way that HOW says: `node power-cut-child.ts DIRECTORY HOW`.
 */
import assert from 'node:assert/strict'
import { FakeKernel, registerOne, World } from '../lifecycle/world.ts'

const [directory, how] = process.argv.slice(2)
assert.ok(directory)
const kernel = new FakeKernel()
if (how !== 'brought up') kernel.refusing.set('fn6-0', 'a fault that was made')
const world = await World.open({ directory, kernel })
if (how === 'unsettled') world.broker.store.settle = async () => undefined
const request = { ipv4: '192.0.2.1', nicname: 'viagenie', country: 'ca', os: 'linux' }
const registration = await registerOne(world.lifecycle, request)
assert.equal(registration.kind, 'registered')
process.kill(process.pid, 'SIGKILL')
