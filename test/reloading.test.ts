import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '../src/config/config.ts'
import { Reload } from '../src/reloading.ts'
import { TYPE } from '../src/wire/codes.ts'
import { SILENT, World } from './lifecycle/world.ts'
import { until } from './until.ts'
import { nameOf } from './zone/zone-text.ts'

test('what is written while a reload runs is taken by the next, which all share who asked meanwhile', async () => {
  const world = await World.open({ statics: 'first TXT "x"' })
  const file = join(world.directory, 'zones', 'freenet6.net.zone')
  const text = readFileSync(file, 'utf8')
  const isServed = (name: string) =>
    world.catalog.rrset(nameOf(`${name}.freenet6.net.`), TYPE.TXT) !== undefined
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let audits = 0
  const demo = readConfig(undefined, [])
  assert.ok(demo.kind === 'config')
  const reload = new Reload(demo.config, {
    broker: {
      statics: world.broker.statics,
      store: world.broker.store,
      audit: {
        run: async () => {
          audits++
          await released
          return { tunnels: 0, differences: 0 }
        },
      },
    },
    changeable: [],
    log: SILENT,
  })
  writeFileSync(file, text.replace('first TXT', 'second TXT'))
  const running = reload.run()
  await until(() => audits > 0)
  assert.deepEqual([isServed('first'), isServed('second')], [false, true])
  writeFileSync(file, text.replace('first TXT', 'third TXT'))
  const later = [reload.run(), reload.run()]
  release()
  await Promise.all([running, ...later])
  assert.deepEqual([isServed('second'), isServed('third'), audits], [false, true, 2])
  await reload.run()
  assert.equal(audits, 3)
  world.end()
})

test('a zone of tunnels that a full disk has kept back is named, and taken by itself once there is room', async () => {
  const world = await World.open({ statics: 'first TXT "x"' })
  const file = join(world.directory, 'zones', 'freenet6.net.zone')
  const demo = readConfig(undefined, [])
  assert.ok(demo.kind === 'config')
  const reload = new Reload(demo.config, { broker: world.broker, changeable: [], log: SILENT })
  const isServed = () => world.catalog.rrset(nameOf('second.freenet6.net.'), TYPE.TXT) !== undefined
  const long = Array.from({ length: 2000 }, (_, n) => `n${n} TXT "${'x'.repeat(200)}"`).join('\n')
  writeFileSync(file, `${readFileSync(file, 'utf8')}second TXT "x"\n${long}\n`)
  await world.withFullDisk(async () => {
    const { kept } = await reload.run()
    assert.match(kept.join(), /freenet6\.net\.zone: is kept as it was: .*full/)
    assert.deepEqual([isServed(), world.broker.statics.failures.length], [false, 1])
  })
  await until(isServed)
  assert.deepEqual([isServed(), world.broker.statics.failures], [true, []])
  reload.stop()
  world.end()
})
