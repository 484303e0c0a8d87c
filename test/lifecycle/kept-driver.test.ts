import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { NoInterfaces } from '../../src/tunnel/no-interfaces.ts'
import { FakeKernel, registerOne, World } from './world.ts'

const REQUEST = { ipv4: '198.51.100.1', country: 'ca', os: 'linux', nicname: 'house' }

/** Starts with a driver of this kind; what the driver was told of the table is added to `told`. */
function kindsWith(kind: string, told: boolean[]): Kinds {
  const openDriver: typeof SIT.openDriver = async ({ hadInterfaces }) => {
    told.push(hadInterfaces)
    return kind === 'sit' ? new FakeKernel() : Object.assign(new NoInterfaces('a test'), { kind })
  }
  return new Kinds({ ...SIT, openDriver })
}

test('a start knows whether a kernel has made the tunnels of its table', async t => {
  const told: boolean[] = []
  let world = await World.open({ kinds: kindsWith('dry-run', told) })
  t.after(() => world.end())
  assert.equal((await registerOne(world.lifecycle, REQUEST)).kind, 'registered')
  for (const kind of ['dry-run', 'sit', 'dry-run', 'sit'])
    world = await world.restart({ kinds: kindsWith(kind, told) })
  assert.deepEqual(told, [false, false, false, true, true])
})

test('a table without a tunnel has nothing to lose by a dry run, and what is tried out in it is no more than that', async t => {
  const told: boolean[] = []
  let world = await World.open({ kinds: kindsWith('sit', told) })
  t.after(() => world.end())
  world = await world.restart({ kinds: kindsWith('dry-run', told) })
  assert.equal((await registerOne(world.lifecycle, REQUEST)).kind, 'registered')
  world = await world.restart({ kinds: kindsWith('dry-run', told) })
  assert.deepEqual(told, [false, false, false])
})
