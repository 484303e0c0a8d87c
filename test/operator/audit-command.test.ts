import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { operatedBroker } from '../../src/operated.ts'
import { auditCommand } from '../../src/operator/audit-command.ts'
import { registerOne, World } from '../lifecycle/world.ts'
import { configText } from '../spawn.ts'

test('the audit of a process that serves mends an interface that somebody took away, and counts it', async t => {
  const world = await World.open()
  try {
    const reading = parseConfig(configText(''), '/freenet6.toml')
    assert.equal(reading.kind, 'config')
    const parts = { threadRestarts: () => 0, reload: undefined, secondaries: undefined }
    const serving = operatedBroker(reading.config, world.broker, parts)
    await registerOne(world.lifecycle, {
      ipv4: '192.0.2.7',
      nicname: 'nic',
      country: 'ca',
      os: 'linux',
    })
    await world.lifecycle.bringUpNew()
    assert.deepEqual(await auditCommand.run(serving, {}), {
      value: { tunnels: 1, differences: 0, interfaces: 0 },
    })
    t.mock.method(
      world.kernel,
      'reconcile',
      async () => ({
        made: [],
        removed: [],
        faults: [{ device: 'fn6-wg', reason: 'no nft', isMinor: true }],
      }),
      { times: 1 },
    )
    // what tunnels do without
    assert.deepEqual(await auditCommand.run(serving, {}), {
      value: { tunnels: 1, differences: 0, interfaces: 0 },
    })
    world.kernel.links.clear()
    assert.deepEqual(await auditCommand.run(serving, {}), {
      value: { tunnels: 1, differences: 0, interfaces: 1 },
    })
    assert.equal(world.kernel.links.size, 1)
    const alone = operatedBroker(reading.config, world.broker, {
      ...parts,
      threadRestarts: undefined,
      secondaries: undefined,
    })
    assert.deepEqual(await auditCommand.run(alone, {}), { value: { tunnels: 1, differences: 0 } })
  } finally {
    world.end()
  }
})
