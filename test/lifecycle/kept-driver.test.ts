import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compose } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/config.ts'
import { wasHere } from '../../src/kept-driver.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import { NoInterfaces } from '../../src/tunnel/no-interfaces.ts'
import { configText } from '../spawn.ts'
import { FakeKernel, registerOne, SILENT, World } from './world.ts'

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

test('a copy of the table elsewhere is not where a kernel has made its tunnels', async t => {
  const world = await World.open({ kinds: kindsWith('sit', []) })
  t.after(() => world.end())
  assert.ok(wasHere(world.broker.store, join(world.directory, 'data')))
  assert.ok(!wasHere(world.broker.store, join(world.directory, 'copy')))
})

test('a command of an operator does not miss the rights of the service', async t => {
  const told: boolean[] = []
  const world = await World.open({ kinds: kindsWith('sit', []) })
  t.after(() => rmSync(world.directory, { recursive: true }))
  assert.equal((await registerOne(world.lifecycle, REQUEST)).kind, 'registered')
  world.broker.close()
  const reading = parseConfig(configText(''), join(world.directory, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  for (const isForCommand of [false, true]) {
    const parts = { log: SILENT, kinds: kindsWith('dry-run', told), isForCommand }
    const broker = await compose(reading.config, parts)
    broker.close()
  }
  assert.deepEqual(told, [true, false])
})
